using System.Buffers;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>Codes packed into 32-bit words along the rows; each row begins with a word of its own.</summary>
/// <param name="tensor">The words, [.., rows, words of a row].</param>
/// <param name="rowLength">Codes in a row.</param>
/// <param name="bits">Bits of a code.</param>
/// <param name="straddle">Whether codes may straddle words.</param>
internal sealed class PackedRows(CheckpointTensor tensor, int rowLength, int bits, bool straddle) : ICodeRows
{
    private readonly int _rowBytes = checked((int)tensor.Shape[^1] * sizeof(uint));

    public void Read(CheckpointReader reader, long firstRow, Span<short> destination)
    {
        var rows = destination.Length / rowLength;
        var bytes = ArrayPool<byte>.Shared.Rent(checked(rows * _rowBytes));
        try
        {
            reader.Read(tensor, firstRow * _rowBytes, bytes.AsSpan(0, rows * _rowBytes));
            for (var row = 0; row < rows; row++)
                PackedCodes.Unpack(bytes.AsSpan(row * _rowBytes, _rowBytes), 1, bits, straddle, destination.Slice(row * rowLength, rowLength));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
