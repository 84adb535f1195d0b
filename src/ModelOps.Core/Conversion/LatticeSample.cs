using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>Looks at some rows of a tensor for the lattice that quantization-aware training leaves (facts: Q4_0's group of 32).</summary>
internal static class LatticeSample
{
    private const int MaximumWeights = 1 << 17;
    private const int MaximumRowLength = 1 << 24;
    private const int MaximumRuns = 4;

    public static bool IsLattice(CheckpointReader reader, TensorSource source)
    {
        if (source.Type != SafetensorsType.BF16 || !source.KeepsRows || source.RowLength % GgmlType.Q4_0.BlockLength() != 0 || source.RowLength > MaximumRowLength)
            return false;
        var rowLength = (int)source.RowLength;
        var rows = (int)Math.Clamp(MaximumWeights / rowLength, 1, source.Rows);
        var sample = new ushort[rows * rowLength];
        var runs = Math.Min(rows, MaximumRuns);
        for (var run = 0; run < runs; run++)
        {
            // Evenly over the tensor, from the middle of each part: the first rows of an embedding are often untrained. Rows side by side,
            // because a hub is asked once for each run.
            var (first, end) = (rows * run / runs, rows * (run + 1) / runs);
            var row = Math.Min((long)((Int128)source.Rows * ((2 * run) + 1) / (2 * runs)), source.Rows - (end - first));
            var weights = new float[(end - first) * rowLength];
            source.ReadRows(reader, row, weights);
            FloatConversion.ToBF16(weights, sample.AsSpan(first * rowLength, weights.Length));
        }
        return LatticeQuantizer.IsLattice(sample, rowLength);
    }
}
