using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>One tensor of the checkpoint, possibly with its rows in another order, shortened, or shifted by a constant.</summary>
internal sealed class StoredTensor : TensorSource
{
    private readonly LogicalTensor _tensor;
    private readonly RowOrder? _order;
    private readonly bool _isElementwise;
    private readonly float _shift;
    private readonly bool _isLogarithm;

    public StoredTensor(LogicalTensor tensor, TensorRule rule, bool keepsBlocks = true)
    {
        if (!WeightReader.CanRead(tensor.Type))
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedType,
                $"Tensor '{tensor.Name}' is stored as {tensor.Type}, which cannot be converted.",
                "Convert from a checkpoint with F32, F16 or BF16 weights; already quantised checkpoints are not supported.");
        }
        _tensor = tensor;
        _order = rule.Order;
        _isElementwise = rule.IsElementwise;
        _shift = rule.Shift;
        _isLogarithm = rule.IsLogarithm;
        long[] shape = [.. (rule.View ?? tensor.Shape).Reverse()];
        if (shape.Length == 0)
            shape = [1];
        if (rule.Rows is { } kept && shape.Length == 2)
            shape[1] = Math.Min(shape[1], kept);
        Shape = shape;
        // Blocks of several weights lie along the stored rows; where a view cuts those, there are none.
        var hasBlocks = tensor.NativeType?.BlockLength() > 1;
        Lattice = KeepsRows && shape[0] == tensor.Shape[^1] ? tensor.Lattice : null;
        NativeType = _shift != 0 || _isLogarithm || (hasBlocks && (!keepsBlocks || shape[0] != tensor.Shape[^1] || _isElementwise)) ? null : tensor.NativeType;
    }

    public override IReadOnlyList<string> Names => _tensor.Names;

    public override SafetensorsType Type => _tensor.Type;

    public override IReadOnlyList<long> Shape { get; }

    public override bool KeepsRows => !_isElementwise && _shift == 0 && !_isLogarithm && Shape.Count > 1;

    public override GgmlType? NativeType { get; }

    public override bool KeepsType => NativeType is not null && _tensor.KeepsType;

    public override Lattice? Lattice { get; }

    public override IReadOnlyList<BlockFactor> Factors => KeepsType ? _tensor.Factors : [];

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        var rowLength = StoredRowLength;
        OrderedRows.Read(_order, firstRow * RowLength / rowLength, destination, rowLength, (row, rows) => _tensor.Read(reader, row * rowLength, rows));
        Transform(destination);
    }

    public override void ReadColumns(CheckpointReader reader, long row, long firstColumn, Span<float> destination)
    {
        if (_isElementwise)
        {
            base.ReadColumns(reader, row, firstColumn, destination);
            return;
        }
        _tensor.Read(reader, StoredPosition(row, firstColumn), destination);
        Transform(destination);
    }

    public override void ReadNativeColumns(CheckpointReader reader, long row, long firstColumn, Span<byte> destination)
    {
        if (_isElementwise)
            base.ReadNativeColumns(reader, row, firstColumn, destination);
        else
            _tensor.ReadNative(reader, StoredPosition(row, firstColumn), destination);
    }

    private long StoredPosition(long row, long column) => ((_order?.Invoke(row) ?? row) * RowLength) + column;

    private void Transform(Span<float> destination)
    {
        if (_isLogarithm)
        {
            foreach (ref var weight in destination)
                weight = -TorchExponential.Exp(weight);
        }
        if (_shift != 0)
        {
            foreach (ref var weight in destination)
                weight += _shift;
        }
    }

    public override void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> destination)
    {
        var rowLength = StoredRowLength;
        var rowBytes = checked((int)NativeType!.Value.RowBytes(rowLength));
        OrderedRows.Read(_order, firstRow * RowLength / rowLength, destination, rowBytes, (row, rows) => _tensor.ReadNative(reader, row * rowLength, rows));
    }

    public override IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader) => _tensor.SampleLattice(reader);

    public override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
        => OrderedRows.ReadLattice(_order, firstRow, rows, checked((int)RowLength), (row, count) => _tensor.ReadLattice(reader, row, count));

    /// <summary>Weights that <see cref="_order"/> moves together: rows, or single weights where a vector's or a row's own are reordered.</summary>
    private int StoredRowLength => _order is not null && (_isElementwise || Shape.Count == 1) ? 1 : checked((int)RowLength);
}
