using System.Text;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>What an importance matrix means for a plan: the keys that llama-quantize writes, and the tensors that it says nothing of.</summary>
internal static class ImportanceUse
{
    private const string Prefix = "quantize.imatrix.";

    /// <summary>llama.cpp keeps a text that it is given for a key in 128 bytes.</summary>
    private const int MostTextBytes = 127;

    /// <summary>The metadata with the matrix's keys at the end; of the path only the file's name, as a path would tell of the machine.</summary>
    public static GgufMetadata Describe(GgufMetadata metadata, string path, ImportanceMatrix importance)
    {
        var result = new GgufMetadata();
        foreach (var (key, value) in metadata)
        {
            if (!key.StartsWith(Prefix, StringComparison.Ordinal))
                result.Set(key, value);
        }
        result.Set(Prefix + "file", Shorten(Path.GetFileName(path)));
        if (importance.Dataset is { } dataset)
            result.Set(Prefix + "dataset", Shorten(dataset));
        result.Set(Prefix + "entries_count", (uint)importance.Entries.Count);
        if (importance.Chunks > 0)
            result.Set(Prefix + "chunks_count", (uint)importance.Chunks);
        return result;
    }

    /// <summary>Refuses types of so few bits that rounding by nothing but the weights' own sizes would spoil the model, as llama-quantize does.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static void Require(Recipe recipe, ImportanceMatrix? importance, IEnumerable<(NamedSource Source, GgmlType Type, bool Lattice)> tensors)
    {
        var missing = tensors
            .Where(tensor => !tensor.Lattice && tensor.Source.Tensor.NativeType != tensor.Type && ImportanceNeed.Of(recipe, tensor.Source.Name, tensor.Type))
            .Where(tensor => importance?.Find(tensor.Source.Name, tensor.Source.Tensor.Shape) is null)
            .ToList();
        if (missing.Count == 0)
            return;
        var types = string.Join(", ", missing.Select(tensor => tensor.Type).Distinct().Order());
        throw new ModelOpsException(
            ErrorKind.InvalidArgument,
            importance is null
                ? $"{recipe.Name} has tensors of {types}, which only an importance matrix can round well: {NameList.Format([.. missing.Select(tensor => tensor.Source.Name)])}."
                : $"The importance matrix has nothing for {missing.Count} tensors that {recipe.Name} rounds to {types}: {NameList.Format([.. missing.Select(tensor => tensor.Source.Name)])}.",
            importance is null
                ? "Give one that llama-imatrix has measured on this model (--imatrix, -ImportanceMatrix), or choose a type that does without, such as Q2_K or IQ3_S."
                : "Measure one that covers them, or choose a type that does without, such as Q2_K or IQ3_S.");
    }

    /// <summary>Tells of tensors that are rounded without it; refuses a matrix of another model.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static IEnumerable<string> Warnings(ImportanceMatrix? importance, IEnumerable<(NamedSource Source, GgmlType Type, bool Lattice)> tensors)
    {
        if (importance is null)
            yield break;
        var missing = new List<string>();
        foreach (var (source, type, _) in tensors.Where(tensor => !tensor.Lattice && tensor.Source.Tensor.NativeType != tensor.Type && TensorQuantizer.UsesImportance(tensor.Type)))
        {
            // None has numbers for what is only looked up in a table.
            if (importance.Find(source.Name, source.Tensor.Shape) is null && TensorRoles.Of(source.Name) != TensorRole.Embedding)
                missing.Add(source.Name);
        }
        if (missing.Count > 0)
            yield return $"The importance matrix has nothing for {missing.Count} tensors, which are rounded without it: {NameList.Format(missing)}.";
    }

    private static string Shorten(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length <= MostTextBytes)
            return text;
        var length = MostTextBytes;
        // Not within a character.
        while ((bytes[length] & 0xC0) == 0x80)
            length--;
        return Encoding.UTF8.GetString(bytes, 0, length);
    }
}
