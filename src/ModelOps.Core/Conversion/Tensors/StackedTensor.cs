namespace ModelOps.Conversion;

/// <summary>Tensors of one shape as one with a further dimension, such as the experts of a layer; nothing is held, rows are read where they are.</summary>
internal sealed class StackedTensor : TensorSource
{
    private readonly TensorSource[] _parts;

    public StackedTensor(TensorSource[] parts)
    {
        _parts = parts;
        Names = [.. parts.SelectMany(part => part.Names)];
        Shape = [.. parts[0].Shape, parts.Length];
        // Of several types, the one that holds them all.
        Type = parts.All(part => part.Type == parts[0].Type) ? parts[0].Type : SafetensorsType.F32;
    }

    public override IReadOnlyList<string> Names { get; }

    public override SafetensorsType Type { get; }

    public override IReadOnlyList<long> Shape { get; }

    public override bool KeepsRows => _parts.All(part => part.KeepsRows);

    public override GgmlType? NativeType => _parts.All(part => part.NativeType == _parts[0].NativeType) ? _parts[0].NativeType : null;

    public override bool KeepsType => NativeType is not null && _parts.All(part => part.KeepsType);

    public override IReadOnlyList<BlockFactor> Factors => KeepsType
        ? [.. _parts[0].Factors.Select((factor, i) => new BlockFactor(factor.Suffix, [.. _parts.SelectMany(part => part.Factors[i].Values)]))]
        : [];

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
        => Read(firstRow, destination, checked((int)RowLength), (part, row, rows) => part.ReadRows(reader, row, rows));

    public override void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> destination)
        => Read(firstRow, destination, checked((int)_parts[0].NativeType!.Value.RowBytes(RowLength)), (part, row, rows) => part.ReadNativeRows(reader, row, rows));

    private void Read<T>(long firstRow, Span<T> destination, int rowLength, ReadPart<T> read)
    {
        var partRows = _parts[0].Rows;
        while (!destination.IsEmpty)
        {
            var (part, row) = Math.DivRem(firstRow, partRows);
            var rows = Math.Min(partRows - row, destination.Length / rowLength);
            var length = checked((int)(rows * rowLength));
            read(_parts[part], row, destination[..length]);
            destination = destination[length..];
            firstRow += rows;
        }
    }

    private delegate void ReadPart<T>(TensorSource part, long firstRow, Span<T> destination);
}
