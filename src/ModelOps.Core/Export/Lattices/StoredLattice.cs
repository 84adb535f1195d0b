using ModelOps.Conversion;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>The lattice of a quantised checkpoint: GPTQ, AWQ, compressed-tensors' integers, MLX's affine codes.</summary>
internal sealed class StoredLattice(LatticeTensor tensor) : ExportLattice
{
    private const int SurveyedWeights = 1 << 22;

    public override int Bits => tensor.Lattice.Bits;

    public override int GroupLength => tensor.Lattice.GroupLength;

    public override bool IsBiased => tensor.Lattice.IsBiased;

    /// <summary>All: one zero that differs from the others decides how the matrix can be stored, and scales are a small part of it.</summary>
    public override IEnumerable<(long First, int Rows)> Surveyed
    {
        get
        {
            var (all, atOnce) = (tensor.Shape[0], Math.Max(1, SurveyedWeights / tensor.Shape[1]));
            for (var row = 0L; row < all; row += atOnce)
                yield return (row, (int)Math.Min(atOnce, all - row));
        }
    }

    /// <summary>Makes signed codes begin at 0.</summary>
    private short Shift => (short)-tensor.Lattice.LeastCode;

    public override ReadOnlyMemory<int>? ReadGroupOf(CheckpointReader reader) => tensor.ReadGroupOf(reader);

    public override LatticeRows Read(CheckpointReader reader, long firstRow, int rows, Span<float> weights)
    {
        var lattice = tensor.ReadLattice(reader, firstRow, rows);
        lattice.ToWeights(weights);
        if (Shift is var shift and not 0)
        {
            foreach (ref var code in lattice.Codes)
                code += shift;
            ShiftZeros(lattice.Offsets);
        }
        return lattice;
    }

    public override (float[] Scales, float[] Offsets) ReadGroups(CheckpointReader reader, long firstRow, int rows)
    {
        var (scales, offsets) = (new float[rows * tensor.Groups], new float[rows * tensor.Groups]);
        tensor.ReadGroups(reader, firstRow, scales, offsets);
        ShiftZeros(offsets);
        return (scales, offsets);
    }

    private void ShiftZeros(Span<float> zeros)
    {
        if (IsBiased)
            return;
        foreach (ref var zero in zeros)
            zero += Shift;
    }
}
