using System.Buffers;

namespace ModelOps.Conversion;

/// <summary>A tensor whose weights are computed from several stored tensors, row by row.</summary>
internal abstract class DecodedTensor : LogicalTensor
{
    protected DecodedTensor(string name, IReadOnlyList<long> shape, params IEnumerable<CheckpointTensor?> stored)
        : base(name, shape)
    {
        Names = [.. stored.OfType<CheckpointTensor>().Select(tensor => tensor.Name)];
        if (shape.Count == 0 || shape[^1] is < 1 or > int.MaxValue / sizeof(double))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The quantised tensor '{name}' has the shape [{string.Join(", ", shape)}], which cannot be.");
        RowLength = (int)shape[^1];
    }

    public override IReadOnlyList<string> Names { get; }

    /// <summary>The products are exact in F32 only.</summary>
    public override SafetensorsType Type => SafetensorsType.F32;

    /// <summary>Weights in a row: the last dimension.</summary>
    protected int RowLength { get; }

    public sealed override void Read(CheckpointReader reader, long first, Span<float> destination)
    {
        var (row, skipped) = Math.DivRem(first, RowLength);
        while (!destination.IsEmpty)
        {
            var whole = skipped == 0 ? destination.Length / RowLength * RowLength : 0;
            if (whole > 0)
            {
                ReadRows(reader, row, destination[..whole]);
                destination = destination[whole..];
                row += whole / RowLength;
                continue;
            }
            var part = Math.Min(destination.Length, RowLength - (int)skipped);
            ReadPart(reader, row++, (int)skipped, destination[..part]);
            destination = destination[part..];
            skipped = 0;
        }
    }

    /// <summary>Writes whole rows; from any thread.</summary>
    protected abstract void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination);

    private void ReadPart(CheckpointReader reader, long row, int skipped, Span<float> destination)
    {
        var buffer = ArrayPool<float>.Shared.Rent(RowLength);
        try
        {
            ReadRows(reader, row, buffer.AsSpan(0, RowLength));
            buffer.AsSpan(skipped, destination.Length).CopyTo(destination);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }
}
