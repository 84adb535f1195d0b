namespace ModelOps.Conversion;

/// <summary>Whether what an adapter changes is what the base model has.</summary>
internal static class AdapterNames
{
    /// <summary>Refuses an adapter that changes what the architecture does not have, or what does not get into the GGUF (other modalities).</summary>
    public static void RequireKnown(Adapter adapter, IEnumerable<string> names, Architecture architecture, TensorTable table, CheckpointConfig config)
    {
        var unknown = names.Where(name => architecture.Ignores(name, config) || table.Find(architecture.Normalize(name)).Count == 0).ToList();
        if (unknown.Count > 0)
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedArchitecture,
                $"{adapter.Files.Files[0]} changes {unknown.Count} tensors that the GGUF of a {config.ClassName} does not have: {NameList.Format(unknown)}.",
                "It was trained on another model, or on a part of the model that does not go into this file (vision, audio).");
        }
    }

    /// <summary>
    /// Refuses a change of an embedding that is the head as well: the adapter was trained to change only what goes in, and what comes out
    /// would change with it. (llama.cpp ends the process when it is given such an adapter.)
    /// </summary>
    public static void RequireUntied(IEnumerable<string> names, Architecture architecture, TensorTable table)
    {
        if (table.Any(rule => rule.Target == "output.weight" && !rule.Optional))
            return;
        if (names.FirstOrDefault(name => table.Find(architecture.Normalize(name)).Any(rule => rule.Target == "token_embd.weight")) is { } tied)
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"The adapter changes '{tied}', which the base model uses for its head as well; changing only one of the two cannot be expressed.", "Untie them and merge the adapter where it was trained, and convert the merged model.");
    }

    /// <summary>Refuses copies of the base model's embeddings that have another number of rows: tokens were added in training.</summary>
    public static void RequireBases(Adapter adapter, Architecture architecture, TensorTable table)
    {
        foreach (var copy in adapter.Bases)
        {
            if (table.Find(architecture.Normalize(copy.Name)) is [var rule, ..] && !copy.Shape.SequenceEqual(rule.Shape))
            {
                throw new ModelOpsException(
                    ErrorKind.UnsupportedType,
                    $"The adapter belongs to a base model whose '{copy.Name}' has the shape [{string.Join(", ", copy.Shape)}], not [{string.Join(", ", rule.Shape)}]: tokens were added before it was trained.",
                    "Merge the adapter where it was trained, and convert the merged model.");
            }
        }
    }
}
