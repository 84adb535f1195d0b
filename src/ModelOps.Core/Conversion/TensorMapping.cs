namespace ModelOps.Conversion;

/// <summary>A tensor of the output by its name in the GGUF.</summary>
internal sealed record NamedSource(string Name, TensorSource Tensor);

/// <summary>Applies an architecture's tensor-name map to a checkpoint, and says what does not fit.</summary>
internal static class TensorMapping
{
    /// <summary>The output's tensors in the order of the file: computed ones first, then the checkpoint's order.</summary>
    public static List<NamedSource> Map(Checkpoint checkpoint, CheckpointConfig config, Architecture architecture)
    {
        var table = architecture.Tensors(config);
        var sources = architecture.ComputedTensors(config).Select(computed => new NamedSource(computed.Name, computed.Tensor)).ToList();
        var unknown = new List<string>();
        var found = new HashSet<TensorRule>(ReferenceEqualityComparer.Instance);
        foreach (var tensor in checkpoint.Tensors)
        {
            if (architecture.Ignores(tensor.Name))
                continue;
            if (table.Find(architecture.Normalize(tensor.Name)) is not { } rule)
            {
                unknown.Add(tensor.Name);
                continue;
            }
            RequireShape(tensor, rule, config);
            found.Add(rule);
            sources.Add(new NamedSource(rule.Target, new StoredTensor(tensor, rule.Order, rule.Shift, rule.Rows)));
        }
        // The missing first: a checkpoint of another kind has both, and what is missing says more.
        // A model without a head, such as one for embeddings, is saved without the prefix of those with one.
        var hasNoHead = checkpoint.Tensors.Any(tensor => tensor.Name == "embed_tokens.weight");
        var missing = table.Where(rule => !rule.Optional && !found.Contains(rule) && !(hasNoHead && rule.Target == "output.weight")).Select(rule => rule.Source).ToList();
        if (missing.Count > 0)
        {
            throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"The checkpoint lacks {missing.Count} tensors that {config.ClassName} has: {NameList.Format(missing)}.",
                unknown.Count > 0 ? $"It has tensors of other names instead: {NameList.Format(unknown)}." : "A weight file is missing or incomplete; download the checkpoint again.");
        }
        if (unknown.Count > 0)
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedArchitecture,
                $"The checkpoint has {unknown.Count} tensors that {config.ClassName} is not known to have: {NameList.Format(unknown)}.",
                "It may be quantised, adapted, or of a variant of the architecture that is not supported yet; leaving them out would write another model.");
        }
        return sources;
    }

    private static void RequireShape(CheckpointTensor tensor, TensorRule rule, CheckpointConfig config)
    {
        var agrees = tensor.Shape.Count == rule.Shape.Count;
        for (var i = 0; agrees && i < rule.Shape.Count; i++)
            agrees = tensor.Shape[i] == rule.Shape[i] || (i == 0 && rule.Rows is not null && tensor.Shape[0] > rule.Shape[0]);
        if (!agrees)
        {
            throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"Tensor '{tensor.Name}' has the shape [{string.Join(", ", tensor.Shape)}], but {config.Path} implies [{string.Join(", ", rule.Shape)}].",
                "The weights and config.json are not of the same model.");
        }
    }
}
