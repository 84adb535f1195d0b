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
        var stored = new Numbered([columns, rows, matrices]);
        var transposed = new TransposedTensor(stored, new ColumnRange(first, count));
        Assert.Equal([rows, count, matrices], transposed.Shape);
        Assert.Equal(count * matrices, transposed.Rows);
        Assert.False(transposed.KeepsRows);
        using var reader = new CheckpointReader(new NoFiles());
        for (var row = 0; row < transposed.Rows; row += atOnce)
        {
            var asked = (int)Math.Min(atOnce, transposed.Rows - row);
            var (weights, native) = (new float[asked * rows], new byte[asked * rows * sizeof(float)]);
            transposed.ReadRows(reader, row, weights);
            transposed.ReadNativeRows(reader, row, native);
            // Weight j of row i of the m-th transposed is weight i of row j of the m-th matrix.
            var expected = Enumerable.Range(row, asked).SelectMany(i => Enumerable.Range(0, rows).Select(j => Numbered.Weight((((i / count * rows) + j) * columns) + first + (i % count))));
            Assert.Equal(expected, weights);
            Assert.Equal(weights, MemoryMarshal.Cast<byte, float>(native).ToArray());
        }
    }

    [Fact]
    public void Strips_AreBounded_AndNoMoreThanAMatrix()
    {
        // A matrix of Llama 4's experts.
        var large = new TransposedTensor(new Numbered([16384, 5120, 16]), new ColumnRange(8192, 8192));
        Assert.InRange(large.RowsAtOnce * large.RowLength, 1 << 20, 1 << 21);
        Assert.Equal(24, new TransposedTensor(new Numbered([24, 16, 4]), new ColumnRange(0, 24)).RowsAtOnce);
        Assert.Equal(1, new TransposedTensor(new Numbered([24, 1L << 40]), new ColumnRange(0, 24)).RowsAtOnce);
    }

    /// <summary>A tensor that can read no less than a row, whose weights are their own numbers.</summary>
    private sealed class Numbered(long[] shape) : TensorSource
    {
        public override IReadOnlyList<string> Names => ["numbered"];

        public override SafetensorsType Type => SafetensorsType.F32;

        public override IReadOnlyList<long> Shape => shape;

        public override bool KeepsRows => true;

        public override GgmlType? NativeType => GgmlType.F32;

        public static float Weight(long index) => index;

        public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
        {
            for (var i = 0; i < destination.Length; i++)
                destination[i] = Weight((firstRow * RowLength) + i);
        }

        public override void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> destination) => ReadRows(reader, firstRow, MemoryMarshal.Cast<byte, float>(destination));
    }

    private sealed class NoFiles : IWeightFiles
    {
        public void Read(string file, long position, Span<byte> destination) => throw new InvalidOperationException("Nothing is to be read.");

        public void Dispose()
        {
        }
    }
}
