using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// How far a tensor's weights would be from the source's in each type: ‖W − Q‖² / ‖W‖² over a sample of its rows, each column weighted by the
/// importance matrix where it has numbers for the tensor. Rounded as the conversion rounds: by the matrix, on the lattice, or not at all where the
/// source's own blocks are moved.
/// </summary>
internal sealed class TensorErrors(ImportanceMatrix? importance, bool keepsLattice)
{
    /// <summary>Weights of a sample. The error is a mean over them, and known to a fraction of a percent.</summary>
    private const int MaximumWeights = 1 << 18;

    /// <summary>Weights of a sample for the types whose points are searched for one by one.</summary>
    private const int MaximumSearchedWeights = 1 << 16;

    private const int MaximumRuns = 32;

    /// <summary>The errors of a tensor in some types, in their order.</summary>
    public double[] Measure(CheckpointReader reader, NamedSource source, IReadOnlyList<GgmlType> types, CancellationToken cancellationToken)
    {
        var tensor = source.Tensor;
        var (weights, rows) = Sample(reader, tensor, cancellationToken);
        var weighting = importance?.Find(source.Name, tensor.Shape);
        return [.. types.Select(type => Measure(reader, source, type, weights, rows, weighting, cancellationToken))];
    }

    private double Measure(CheckpointReader reader, NamedSource source, GgmlType type, float[] weights, long[] rows, float[]? weighting, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var tensor = source.Tensor;
        if (tensor.NativeType == type)
            return 0;
        var onLattice = keepsLattice && type.BlockLength() > 1 && LatticeChoice.Find(reader, tensor, type) is not null;
        var rowLength = (int)tensor.RowLength;
        var count = IsSearched(type) ? Math.Clamp(MaximumSearchedWeights / rowLength, 1, rows.Length) : rows.Length;
        var data = new byte[type.RowBytes(rowLength)];
        var decoded = new float[rowLength];
        var (error, energy) = (0.0, 0.0);
        for (var i = 0; i < count; i++)
        {
            // Evenly over the sample when not all of it is taken.
            var at = (int)((long)i * rows.Length / count);
            var row = weights.AsSpan(at * rowLength, rowLength);
            var columns = weighting is null ? default : weighting.AsSpan(checked((int)(rows[at] / tensor.Shape[1] * rowLength)), rowLength);
            if (onLattice)
                EncodeLattice(reader, tensor, type, rows[at], row, data);
            else
                TensorQuantizer.Quantize(type, row, data, rowLength, columns);
            TensorQuantizer.Dequantize(type, data, decoded);
            // The products of a lattice were rounded when the checkpoint was stored; that is no error of the type which holds the lattice.
            if (onLattice && tensor.Type == SafetensorsType.BF16)
                RoundToBF16(decoded);
            RelativeError.Add(row, decoded, columns, ref error, ref energy);
        }
        // What is all zero, or never multiplied with anything, loses nothing.
        return energy > 0 ? error / energy : 0;
    }

    private static void EncodeLattice(CheckpointReader reader, TensorSource tensor, GgmlType type, long row, Span<float> weights, Span<byte> data)
    {
        if (tensor.Lattice is null)
        {
            var stored = new ushort[weights.Length];
            FloatConversion.ToBF16(weights, stored);
            LatticeQuantizer.Quantize(stored, data);
            return;
        }
        using var lattice = tensor.ReadLattice(reader, row, 1);
        LatticePacking.Pack(BlockLattice.Of(type)!, lattice, weights, data);
    }

    private static void RoundToBF16(Span<float> weights)
    {
        foreach (ref var weight in weights)
            weight = FloatConversion.FromBF16(FloatConversion.ToBF16(weight));
    }

    /// <summary>Rows in runs, evenly over the tensor (over all its experts), and their numbers.</summary>
    private static (float[] Weights, long[] Rows) Sample(CheckpointReader reader, TensorSource tensor, CancellationToken cancellationToken)
    {
        var rowLength = checked((int)tensor.RowLength);
        var count = (int)Math.Clamp(MaximumWeights / rowLength, 1, tensor.Rows);
        var weights = new float[count * rowLength];
        var rows = new long[count];
        var runs = Math.Min(count, MaximumRuns);
        for (var run = 0; run < runs; run++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (first, end) = (count * run / runs, count * (run + 1) / runs);
            var row = (long)((Int128)tensor.Rows * first / count);
            tensor.ReadRows(reader, row, weights.AsSpan(first * rowLength, (end - first) * rowLength));
            for (var i = first; i < end; i++)
                rows[i] = row + i - first;
        }
        return (weights, rows);
    }

    private static bool IsSearched(GgmlType type) => type is GgmlType.IQ1_S or GgmlType.IQ1_M or GgmlType.IQ2_XXS or GgmlType.IQ2_XS or GgmlType.IQ2_S or GgmlType.IQ3_XXS or GgmlType.IQ3_S;
}
