using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>Reads the GGUF file of llama-imatrix: sums of squares and counts, two tensors for each one of the model (common/imatrix-loader.cpp).</summary>
internal static class GgufImportanceReader
{
    private const string Sums = ".in_sum2", Counts = ".counts";
    private const string Datasets = "imatrix.datasets", ChunkCount = "imatrix.chunk_count", ChunkSize = "imatrix.chunk_size";

    public static ImportanceMatrix Read(Stream stream, string path)
    {
        var file = GgufFile.Read(stream, stream.Length, path);
        foreach (var key in new[] { Datasets, ChunkCount, ChunkSize })
        {
            if (!file.Metadata.ContainsKey(key))
                throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} is no importance matrix: it lacks '{key}'.", "Give a file that llama-imatrix has written.");
        }
        var tensors = new Dictionary<string, GgufTensor>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors)
        {
            if (!tensors.TryAdd(tensor.Name, tensor))
                throw new ModelOpsException(ErrorKind.CorruptFile, $"The importance matrix {path} has '{tensor.Name}' twice.");
        }
        var entries = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var name in tensors.Keys.Where(name => name.EndsWith(Sums, StringComparison.Ordinal)).Select(name => name[..^Sums.Length])
            .Union(tensors.Keys.Where(name => name.EndsWith(Counts, StringComparison.Ordinal)).Select(name => name[..^Counts.Length])))
        {
            if (!tensors.TryGetValue(name + Sums, out var sums) || !tensors.TryGetValue(name + Counts, out var counts))
                throw new ModelOpsException(ErrorKind.CorruptFile, $"The importance matrix {path} has sums or counts for '{name}', but not both.");
            entries.Add(name, Means(Values(stream, path, sums), Values(stream, path, counts), path, name));
        }
        return new ImportanceMatrix(entries) { Dataset = file.Metadata.FindArray<string>(Datasets)?.FirstOrDefault(), Chunks = file.Metadata.FindInteger(ChunkCount) ?? 0 };
    }

    /// <summary>Sums over counts; each expert has a count. One that was never asked has all its columns matter the same.</summary>
    private static float[] Means(float[] sums, float[] counts, string path, string name)
    {
        if (counts.Length == 0 || sums.Length % counts.Length != 0 || !counts.All(float.IsFinite))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The importance matrix {path} has {sums.Length:N0} sums and {counts.Length:N0} counts for '{name}', which do not fit.");
        var columns = sums.Length / counts.Length;
        for (var expert = 0; expert < counts.Length; expert++)
        {
            var count = MathF.Round(counts[expert], MidpointRounding.AwayFromZero);
            foreach (ref var value in sums.AsSpan(expert * columns, columns))
                value = count > 0 ? value / count : 1;
        }
        return sums;
    }

    private static float[] Values(Stream stream, string path, GgufTensor tensor)
    {
        if (tensor.Type != GgmlType.F32 || tensor.Weights > Array.MaxLength / sizeof(float))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The importance matrix {path} has '{tensor.Name}' as {tensor.Weights:N0} numbers of {tensor.Type}; F32 was expected.");
        var values = new float[tensor.Weights];
        stream.Position = tensor.Offset;
        var bytes = MemoryMarshal.AsBytes(values.AsSpan());
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The importance matrix {path} ends within '{tensor.Name}'.", "Download it again.");
        return values;
    }
}
