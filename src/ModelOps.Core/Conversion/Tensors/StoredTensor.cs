using System.Buffers;

namespace ModelOps.Conversion;

/// <summary>Gives, for a row of the output, the row of the checkpoint's tensor that it is.</summary>
internal delegate long RowOrder(long outputRow);

/// <summary>One tensor of the checkpoint, possibly with its rows in another order, shortened, or shifted by a constant.</summary>
internal sealed class StoredTensor : TensorSource
{
    private readonly CheckpointTensor _tensor;
    private readonly RowOrder? _order;
    private readonly float _shift;
    private readonly bool _isLogarithm;

    public StoredTensor(CheckpointTensor tensor, TensorRule rule)
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
        _shift = rule.Shift;
        _isLogarithm = rule.IsLogarithm;
        long[] shape = [.. (rule.View ?? tensor.Shape).Reverse()];
        if (shape.Length == 0)
            shape = [1];
        if (rule.Rows is { } kept && shape.Length == 2)
            shape[1] = Math.Min(shape[1], kept);
        Shape = shape;
    }

    public override IReadOnlyList<string> Names => [_tensor.Name];

    public override SafetensorsType Type => _tensor.Type;

    public override IReadOnlyList<long> Shape { get; }

    public override bool KeepsRows => _shift == 0 && !_isLogarithm && Shape.Count > 1;

    public override GgmlType? NativeType => _shift != 0 || _isLogarithm ? null : WeightReader.NativeType(Type);

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(destination.Length * WeightReader.Bytes(Type));
        try
        {
            var bytes = buffer.AsSpan(0, destination.Length * WeightReader.Bytes(Type));
            ReadStored(reader, firstRow, bytes);
            WeightReader.ToSingle(Type, bytes, destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        if (_isLogarithm)
        {
            foreach (ref var weight in destination)
                weight = -MathF.Exp(weight);
        }
        if (_shift != 0)
        {
            foreach (ref var weight in destination)
                weight += _shift;
        }
    }

    public override void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> destination) => ReadStored(reader, firstRow, destination);

    private void ReadStored(CheckpointReader reader, long firstRow, Span<byte> bytes)
    {
        // A vector is one row to ggml; when its elements are reordered (a bias of q or k), each is a row of one here.
        var (length, first) = Shape.Count == 1 && _order is not null ? (1, 0) : (checked((int)RowLength), firstRow);
        var rowBytes = length * WeightReader.Bytes(Type);
        if (_order is null)
        {
            reader.Read(_tensor, first * rowBytes, bytes);
            return;
        }
        // Rows that follow each other there too are read at once.
        var rows = bytes.Length / rowBytes;
        for (var (row, run) = (0, 1); row < rows; row += run, run = 1)
        {
            var from = _order(first + row);
            while (row + run < rows && _order(first + row + run) == from + run)
                run++;
            reader.Read(_tensor, from * rowBytes, bytes.Slice(row * rowBytes, run * rowBytes));
        }
    }
}
