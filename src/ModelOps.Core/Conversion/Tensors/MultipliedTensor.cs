namespace ModelOps.Conversion;

/// <summary>A tensor with every weight multiplied by a factor.</summary>
internal sealed class MultipliedTensor(TensorSource stored, float factor) : TensorSource
{
    public override IReadOnlyList<string> Names => stored.Names;

    public override SafetensorsType Type => SafetensorsType.F32;

    public override IReadOnlyList<long> Shape => stored.Shape;

    public override bool KeepsRows => false;

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        stored.ReadRows(reader, firstRow, destination);
        foreach (ref var weight in destination)
            weight *= factor;
    }
}
