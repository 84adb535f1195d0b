using ModelOps.Formats;

namespace ModelOps.Quantization;

/// <summary>
/// How much each column of a matrix matters: the mean square of what the model multiplied it with, measured by llama-imatrix. A matrix of several
/// experts has a row of numbers for each.
/// </summary>
/// <param name="Entries">The numbers, by the tensor's name in the GGUF.</param>
internal sealed record ImportanceMatrix(IReadOnlyDictionary<string, float[]> Entries)
{
    /// <summary>Name of the text that it was measured on; null when the file does not tell.</summary>
    public string? Dataset { get; init; }

    /// <summary>Number of chunks of that text; 0 when the file does not tell.</summary>
    public long Chunks { get; init; }

    /// <summary>Reads a file of llama-imatrix: GGUF, or the format before it.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.UnsupportedType"/>.</exception>
    public static ImportanceMatrix Read(string path)
    {
        using var stream = HeaderSource.Open(path);
        Span<byte> magic = stackalloc byte[4];
        var isGguf = stream.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic.SequenceEqual("GGUF"u8);
        stream.Position = 0;
        var matrix = isGguf ? GgufImportanceReader.Read(stream, path) : LegacyImportanceReader.Read(stream, path);
        if (matrix.Entries.Count == 0)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} holds no importance matrix.", "Give a file that llama-imatrix has written.");
        foreach (var (name, values) in matrix.Entries)
        {
            if (!values.All(float.IsFinite))
                throw new ModelOpsException(ErrorKind.CorruptFile, $"The importance matrix {path} has numbers for '{name}' that are not finite.", "Measure it again.");
        }
        return matrix;
    }

    /// <summary>The numbers of a tensor, a row for each of its matrices; null when there are none.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when they are those of another shape.</exception>
    public float[]? Find(string name, IReadOnlyList<long> shape)
    {
        if (!Entries.TryGetValue(name, out var values))
            return null;
        var expected = shape[0] * (shape.Count > 2 ? shape[2] : 1);
        if (values.Length == expected)
            return values;
        // What is looked up in a table is not multiplied, so that its numbers, where there are any, are of something else.
        return TensorRoles.Of(name) == TensorRole.Embedding
            ? null
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"The importance matrix has {values.Length:N0} numbers for '{name}', which needs {expected:N0}.", "It was measured on another model.");
    }
}
