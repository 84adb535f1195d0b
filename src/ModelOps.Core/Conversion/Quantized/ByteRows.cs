using System.Buffers;

namespace ModelOps.Conversion;

/// <summary>Codes that are signed bytes.</summary>
internal sealed class ByteRows(CheckpointTensor tensor) : ICodeRows
{
    public void Read(CheckpointReader reader, long firstRow, Span<short> destination)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(destination.Length);
        try
        {
            reader.Read(tensor, firstRow * tensor.Shape[^1], bytes.AsSpan(0, destination.Length));
            for (var i = 0; i < destination.Length; i++)
                destination[i] = (sbyte)bytes[i];
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
