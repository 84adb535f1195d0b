using System.Buffers;

namespace ModelOps.Conversion;

/// <summary>Weights stored as small floats, each with the scale of its rectangle: weight · scale.</summary>
/// <param name="name">Name of the tensor.</param>
/// <param name="values">The floats, in the shape of the weights.</param>
/// <param name="scales">Their scales.</param>
/// <param name="scale">The tensor with the scales.</param>
internal sealed class ScaledTensor(string name, CheckpointTensor values, ScaleGrid scales, CheckpointTensor scale) : DecodedTensor(name, values.Shape, values, scale)
{
    protected override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        var rows = destination.Length / RowLength;
        var valueBytes = StoredNumbers.Bytes(values.Type);
        var bytes = ArrayPool<byte>.Shared.Rent(destination.Length * valueBytes);
        var factors = ArrayPool<float>.Shared.Rent(rows * scales.Columns);
        try
        {
            reader.Read(values, firstRow * RowLength * valueBytes, bytes.AsSpan(0, destination.Length * valueBytes));
            StoredNumbers.ToSingle(values.Type, bytes, destination);
            scales.Read(reader, firstRow, factors.AsSpan(0, rows * scales.Columns));
            for (var row = 0; row < rows; row++)
            {
                for (var group = 0; group < scales.Columns; group++)
                {
                    var start = group * scales.ColumnsPerScale;
                    var factor = factors[(row * scales.Columns) + group];
                    foreach (ref var weight in destination.Slice((row * RowLength) + start, Math.Min(scales.ColumnsPerScale, RowLength - start)))
                        weight *= factor;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
            ArrayPool<float>.Shared.Return(factors);
        }
    }
}
