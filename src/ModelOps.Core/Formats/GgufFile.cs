using ModelOps.Formats;

namespace ModelOps;

/// <summary>
/// The header of a GGUF file (version 2 or 3, little-endian): metadata and tensor list. Strictly validated before anything else, native
/// code above all, sees the file: every length is bounded, every tensor lies inside the file (facts: ggml's gguf.cpp).
/// </summary>
public sealed class GgufFile
{
    internal GgufFile(string? path, uint version, long fileBytes, int alignment, long dataOffset, GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        Path = path;
        Version = version;
        FileBytes = fileBytes;
        Alignment = alignment;
        DataOffset = dataOffset;
        Metadata = metadata;
        Tensors = tensors;
    }

    /// <summary>Where it was read from; null for a header that came over the network.</summary>
    public string? Path { get; }

    /// <summary>Format version: 2 or 3.</summary>
    public uint Version { get; }

    /// <summary>Size of the whole file in bytes.</summary>
    public long FileBytes { get; }

    /// <summary>Alignment of tensor data in bytes (<c>general.alignment</c>, 32 when absent).</summary>
    public int Alignment { get; }

    /// <summary>Position of the tensor data: the end of the header, padded.</summary>
    public long DataOffset { get; }

    /// <summary>Keys and values, in the order of the file.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>Tensors, in the order of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary><c>general.architecture</c>.</summary>
    public string Architecture => Metadata.GetString("general.architecture");

    /// <summary>Reads and validates the header of a file.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.CorruptFile"/> or <see cref="ErrorKind.UnsupportedType"/>.</exception>
    public static GgufFile Read(string path)
    {
        using var stream = HeaderSource.Open(path);
        return Read(stream, stream.Length, path);
    }

    /// <summary>
    /// Reads and validates a header from a seekable or forward-only stream, of a file that is <paramref name="fileBytes"/> long in all.
    /// The stream, at the start of the file, is not read past the last tensor info and may end there.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.CorruptFile"/>, or <see cref="ErrorKind.UnsupportedType"/> for a tensor type that is not known here.
    /// </exception>
    public static GgufFile Read(Stream stream, long fileBytes, string? path = null) => GgufHeaderReader.Read(stream, fileBytes, path);
}
