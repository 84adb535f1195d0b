using System.Runtime.InteropServices;
using ModelOps.Conversion;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Transposed matrices, read in pieces of any size, against the definition of the transposed.</summary>
public sealed class TransposedTensorTests
{
    // Shapes in ggml's order: columns, rows, matrices; then the columns taken and the rows asked for at a time.
    [Theory]
    [InlineData(5, 7, 3, 0, 5, 1)]
    [InlineData(5, 7, 3, 0, 5, 4)]
    [InlineData(8, 50, 2, 4, 4, 3)]
    [InlineData(8, 50, 2, 0, 4, 8)]
    [InlineData(33, 16, 1, 7, 20, 13)]
    [InlineData(6, 1, 4, 2, 3, 5)]
    public void Rows_AreTheColumns(int columns, int rows, int matrices, int first, int count, int atOnce)
    {
        var stored = new NumberedTensor([columns, rows, matrices]);
        var transposed = new TransposedTensor(stored, new ColumnRange(first, count));
        Assert.Equal([rows, count, matrices], transposed.Shape);
        Assert.Equal(count * matrices, transposed.Rows);
        Assert.False(transposed.KeepsRows);
        using var reader = NumberedTensor.NoReader();
        for (var row = 0; row < transposed.Rows; row += atOnce)
        {
            var asked = (int)Math.Min(atOnce, transposed.Rows - row);
            var (weights, native) = (new float[asked * rows], new byte[asked * rows * sizeof(float)]);
            transposed.ReadRows(reader, row, weights);
            transposed.ReadNativeRows(reader, row, native);
            // Weight j of row i of the m-th transposed is weight i of row j of the m-th matrix.
            var expected = Enumerable.Range(row, asked).SelectMany(i => Enumerable.Range(0, rows).Select(j => NumberedTensor.Weight((((i / count * rows) + j) * columns) + first + (i % count))));
            Assert.Equal(expected, weights);
            Assert.Equal(weights, MemoryMarshal.Cast<byte, float>(native).ToArray());
        }
    }

    [Fact]
    public void Strips_AreBounded_AndNoMoreThanAMatrix()
    {
        // A matrix of Llama 4's experts.
        var large = new TransposedTensor(new NumberedTensor([16384, 5120, 16]), new ColumnRange(8192, 8192));
        Assert.InRange(large.RowsAtOnce * large.RowLength, 1 << 20, 1 << 21);
        Assert.Equal(24, new TransposedTensor(new NumberedTensor([24, 16, 4]), new ColumnRange(0, 24)).RowsAtOnce);
        Assert.Equal(1, new TransposedTensor(new NumberedTensor([24, 1L << 40]), new ColumnRange(0, 24)).RowsAtOnce);
    }
}
