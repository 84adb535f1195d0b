namespace ModelOps.Conversion;

/// <summary>A tensor with rows of zeros at its end, for tokens that have none of their own.</summary>
internal sealed class PaddedTensor(TensorSource stored, long rows) : TensorSource
{
    public override IReadOnlyList<string> Names => stored.Names;

    public override SafetensorsType Type => stored.Type;

    public override IReadOnlyList<long> Shape { get; } = [stored.RowLength, rows];

    public override bool KeepsRows => stored.KeepsRows;

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        var there = (int)(Math.Clamp(stored.Rows - firstRow, 0, destination.Length / RowLength) * RowLength);
        if (there > 0)
            stored.ReadRows(reader, firstRow, destination[..there]);
        destination[there..].Clear();
    }
}
