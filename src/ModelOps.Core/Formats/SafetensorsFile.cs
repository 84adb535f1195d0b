using ModelOps.Formats;

namespace ModelOps;

/// <summary>Element type of a safetensors tensor, by its name in the header.</summary>
public enum SafetensorsType
{
#pragma warning disable CS1591
    F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL, F8_E8M0, F4,
#pragma warning restore CS1591
}

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Name as the checkpoint spells it.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions in the framework's order: a linear weight is [out, in].</param>
/// <param name="Offset">Position of the first byte, from the start of the file.</param>
/// <param name="Bytes">Bytes of the data.</param>
public sealed record SafetensorsTensor(string Name, SafetensorsType Type, IReadOnlyList<long> Shape, long Offset, long Bytes);

/// <summary>
/// The header of a safetensors file: strictly validated (header length at most 100 MB and inside the file, no duplicate names, spans
/// contiguous, in order and inside the file, shape × type = bytes).
/// </summary>
public sealed class SafetensorsFile
{
    internal SafetensorsFile(string? path, long fileBytes, IReadOnlyDictionary<string, string> metadata, IReadOnlyList<SafetensorsTensor> tensors)
    {
        Path = path;
        FileBytes = fileBytes;
        Metadata = metadata;
        Tensors = tensors;
    }

    /// <summary>Where it was read from; null for a header that came over the network.</summary>
    public string? Path { get; }

    /// <summary>Size of the whole file in bytes.</summary>
    public long FileBytes { get; }

    /// <summary>The <c>__metadata__</c> strings.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Tensors, in order of their position in the file.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors { get; }

    /// <summary>Reads and validates the header of a file.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.CorruptFile"/> or <see cref="ErrorKind.UnsupportedType"/>.</exception>
    public static SafetensorsFile Read(string path)
    {
        using var stream = HeaderSource.Open(path);
        return Read(stream, stream.Length, path);
    }

    /// <summary>Reads and validates a header from a stream, of a file that is <paramref name="fileBytes"/> long in all.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public static SafetensorsFile Read(Stream stream, long fileBytes, string? path = null) => SafetensorsHeaderReader.Read(stream, fileBytes, path);
}
