using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>Tensors of one shape as one with a further dimension, such as the experts of a layer; nothing is held, rows are read where they are.</summary>
internal sealed class StackedTensor : TensorSource
{
    private const int SampledParts = 4;

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

    public override Lattice? Lattice => _parts.All(part => part.Lattice is not null && part.Lattice == _parts[0].Lattice) ? _parts[0].Lattice : null;

    public override IReadOnlyList<BlockFactor> Factors => KeepsType
        ? [.. _parts[0].Factors.Select((factor, i) => new BlockFactor(factor.Suffix, [.. _parts.SelectMany(part => part.Factors[i].Values)]))]
        : [];

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
        => Read(firstRow, destination, checked((int)RowLength), (part, row, rows) => part.ReadRows(reader, row, rows));

    public override void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> destination)
        => Read(firstRow, destination, checked((int)_parts[0].NativeType!.Value.RowBytes(RowLength)), (part, row, rows) => part.ReadNativeRows(reader, row, rows));

    public override IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader)
    {
        var groups = new List<LatticeGroup>();
        for (var sample = 0; sample < Math.Min(_parts.Length, SampledParts); sample++)
        {
            if (_parts[sample * _parts.Length / Math.Min(_parts.Length, SampledParts)].SampleLattice(reader) is not { } some)
                return null;
            groups.AddRange(some);
        }
        return groups;
    }

    public override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
    {
        LatticeRows? result = null;
        for (var row = 0; row < rows;)
        {
            var (part, inPart) = Math.DivRem(firstRow + row, _parts[0].Rows);
            var count = (int)Math.Min(_parts[0].Rows - inPart, rows - row);
            if (count == rows)
                return _parts[part].ReadLattice(reader, inPart, rows);
            using var some = _parts[part].ReadLattice(reader, inPart, count);
            result ??= some.Like(rows);
            result.CopyRows(some, 0, count, row);
            row += count;
        }
        return result!;
    }

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
