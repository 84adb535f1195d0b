namespace ModelOps.Conversion;

/// <summary>A tensor with every weight computed from one of another.</summary>
internal sealed class MappedTensor(TensorSource stored, Func<float, float> map) : TensorSource
{
    public override IReadOnlyList<string> Names => stored.Names;

    public override SafetensorsType Type => stored.Type;

    public override IReadOnlyList<long> Shape => stored.Shape;

    public override bool KeepsRows => false;

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        stored.ReadRows(reader, firstRow, destination);
        foreach (ref var weight in destination)
            weight = map(weight);
    }
}
