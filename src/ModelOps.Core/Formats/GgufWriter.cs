namespace ModelOps.Formats;

/// <summary>A tensor to be written: what the header says of it.</summary>
/// <param name="Name">Name, at most 63 bytes of UTF-8.</param>
/// <param name="Type">Storage type.</param>
/// <param name="Shape">Dimensions in ggml's order, row length first.</param>
internal sealed record GgufTensorSpec(string Name, GgmlType Type, IReadOnlyList<long> Shape);

/// <summary>
/// Lays out a GGUF v3 file: header bytes and the offset of every tensor, before a byte of data is there. Data may then be written to the
/// offsets in any order.
/// </summary>
internal sealed class GgufLayout
{
    /// <summary>Lays out metadata and tensors; offsets are padded to the alignment (<c>general.alignment</c> or 32).</summary>
    public static GgufLayout Create(GgufMetadata metadata, IReadOnlyList<GgufTensorSpec> tensors) => throw new NotImplementedException();

    /// <summary>The complete header, padded up to the tensor data.</summary>
    public ReadOnlyMemory<byte> Header { get; private init; }

    /// <summary>The tensors with their positions from the start of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; private init; } = [];

    /// <summary>Size of the finished file in bytes: as ggml does, the last tensor is padded too.</summary>
    public long FileBytes { get; private init; }
}
