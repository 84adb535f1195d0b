namespace ModelOps.Conversion;

/// <summary>
/// A stored matrix of which columns are wanted, a few at a time: GPTQ and AWQ store weights transposed. Read in panels of neighbouring
/// columns that are kept for the rows that follow.
/// </summary>
/// <param name="tensor">The matrix, [rows, columns].</param>
/// <param name="elementBytes">Bytes of an element.</param>
internal sealed class ColumnPanels(CheckpointTensor tensor, int elementBytes)
{
    private const int PanelBytes = 16 << 20;

    /// <summary>So that reads of a row's part are not absurdly small, whatever the height.</summary>
    private const int LeastColumns = 64;

    private readonly long _rows = tensor.Shape[0];
    private readonly long _columns = tensor.Shape[1];
    private readonly int _panelColumns = (int)Math.Min(tensor.Shape[1], Math.Max(LeastColumns, PanelBytes / (Math.Max(tensor.Shape[0], 1) * elementBytes)));

    /// <summary>A column's elements in the panel that has it: from the first byte on, one every <c>Stride</c> elements.</summary>
    public (ReadOnlyMemory<byte> FromFirst, int Stride) Column(CheckpointReader reader, long column)
    {
        var panel = column / _panelColumns;
        var first = panel * _panelColumns;
        var columns = (int)Math.Min(_panelColumns, _columns - first);
        var data = reader.Panels.Get(tensor, panel, checked((int)(_rows * columns * elementBytes)), bytes => Load(reader, bytes, first, columns));
        return (data.AsMemory((int)(column - first) * elementBytes), columns);
    }

    /// <summary>A column of numbers, as F32.</summary>
    public void ReadNumbers(CheckpointReader reader, long column, SafetensorsType type, Span<float> numbers)
    {
        var (bytes, stride) = Column(reader, column);
        for (var row = 0; row < numbers.Length; row++)
            StoredNumbers.ToSingle(type, bytes.Span.Slice(row * stride * elementBytes, elementBytes), numbers.Slice(row, 1));
    }

    private void Load(CheckpointReader reader, Span<byte> panel, long first, int columns)
    {
        if (columns == _columns)
        {
            reader.Read(tensor, 0, panel);
            return;
        }
        var rowBytes = columns * elementBytes;
        for (var row = 0L; row < _rows; row++)
            reader.Read(tensor, ((row * _columns) + first) * elementBytes, panel.Slice((int)row * rowBytes, rowBytes));
    }
}
