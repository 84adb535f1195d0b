using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>A tensor of a GGUF file as the checkpoint has it: its rows in the checkpoint's order, without what the conversion added.</summary>
internal sealed class RestoredTensor : DecodedTensor
{
    private readonly TensorSource _stored;
    private readonly long[]? _order;
    private readonly float _shift;

    private RestoredTensor(string name, IReadOnlyList<long> shape, TensorSource stored, long[]? order, float shift)
        : base(name, shape) => (_stored, _order, _shift) = (stored, order, shift);

    public override IReadOnlyList<string> Names => _stored.Names;

    public override SafetensorsType Type => _stored.Type;

    /// <summary>The type in the GGUF.</summary>
    public GgmlType StoredType => _stored.NativeType!.Value;

    /// <summary>Follows a rule back.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.UnsupportedArchitecture"/> for what has no way back.</exception>
    public static RestoredTensor Of(string name, TensorSource stored, TensorRule rule, CheckpointConfig config)
    {
        if (rule.IsElementwise || rule.Columns is not null || rule.Map is not null || rule.IsLogarithm || rule.LeastRows is not null || rule.View is not null || rule.Transposed is not null || rule.Stack is not null)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"'{rule.Target}' cannot be brought back to what it was in the checkpoint, '{rule.Source}'.", "Export from the checkpoint itself.");
        TensorMapping.RequireShape(rule.Target, [.. stored.Shape.Reverse()], rule with { Rows = null }, config);
        return new RestoredTensor(name, rule.Shape, stored, rule.Order is { } order ? Invert(order, rule.Shape[0]) : null, rule.Shift);
    }

    /// <summary>The bytes of rows in <see cref="StoredType"/>.</summary>
    public void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> rows)
        => OrderedRows.Read(Order, firstRow, rows, checked((int)StoredType.RowBytes(RowLength)), (row, destination) => _stored.ReadNativeRows(reader, row, destination));

    protected override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        if (Shape.Count == 1)
            ReadVector(reader, destination);
        else
            OrderedRows.Read(Order, firstRow, destination, RowLength, (row, rows) => _stored.ReadRows(reader, row, rows));
        if (_shift == 0)
            return;
        foreach (ref var weight in destination)
            weight -= _shift;
    }

    private RowOrder? Order => _order is { } order ? row => order[row] : null;

    private void ReadVector(CheckpointReader reader, Span<float> destination)
    {
        if (_order is null)
        {
            _stored.ReadRows(reader, 0, destination);
            return;
        }
        var stored = new float[destination.Length];
        _stored.ReadRows(reader, 0, stored);
        for (var i = 0; i < stored.Length; i++)
            destination[i] = stored[_order[i]];
    }

    private static long[] Invert(RowOrder order, long rows)
    {
        var inverse = new long[rows];
        for (var row = 0L; row < rows; row++)
            inverse[order(row)] = row;
        return inverse;
    }
}
