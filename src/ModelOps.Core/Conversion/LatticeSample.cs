using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>Looks at some rows of a tensor for the lattice that quantization-aware training leaves (facts: Q4_0's group of 32).</summary>
internal static class LatticeSample
{
    private const int MaximumWeights = 1 << 17;
    private const int MaximumRowLength = 1 << 24;

    public static bool IsLattice(CheckpointReader reader, TensorSource source)
    {
        if (source.Type != SafetensorsType.BF16 || !source.KeepsRows || source.RowLength % GgmlType.Q4_0.BlockLength() != 0 || source.RowLength > MaximumRowLength)
            return false;
        var rowLength = (int)source.RowLength;
        var rows = (int)Math.Clamp(MaximumWeights / rowLength, 1, source.Rows);
        var row = new float[rowLength];
        var sample = new ushort[rows * rowLength];
        for (var i = 0; i < rows; i++)
        {
            // Evenly over the tensor: the first rows of an embedding are often untrained.
            source.ReadRows(reader, (long)((Int128)source.Rows * i / rows), row);
            FloatConversion.ToBF16(row, sample.AsSpan(i * rowLength, rowLength));
        }
        return LatticeQuantizer.IsLattice(sample, rowLength);
    }
}
