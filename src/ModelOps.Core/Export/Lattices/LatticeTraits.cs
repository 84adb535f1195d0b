using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>What decides how a lattice can be stored, from its scales and offsets.</summary>
/// <param name="Bits">Bits of a code.</param>
/// <param name="GroupLength">Weights that share a scale.</param>
/// <param name="GroupOf">The group of each weight of a row; null where those of a group are neighbours.</param>
/// <param name="IsSymmetric">Whether the middle code stands for zero everywhere.</param>
/// <param name="WithZeros">Fraction of the groups where a code stands for zero, or nearly: a step's eighth off at most.</param>
/// <param name="InBF16">Fraction of the groups whose scale BF16 holds, and whose bias where there is to be one.</param>
/// <param name="InF16">The same of F16.</param>
internal sealed record LatticeTraits(int Bits, int GroupLength, ReadOnlyMemory<int>? GroupOf, bool IsSymmetric, double WithZeros, double InBF16, double InF16)
{
    private const double NearZero = 1.0 / 8;

    /// <summary>Looks at a lattice.</summary>
    /// <param name="lattice">The lattice.</param>
    /// <param name="storesBiases">Whether a bias will be stored with each scale.</param>
    /// <param name="reader">The source's files.</param>
    public static LatticeTraits Of(ExportLattice lattice, bool storesBiases, CheckpointReader reader)
    {
        var (groups, symmetric, zeros, bf16, f16) = (0L, 0L, 0L, 0L, 0L);
        var (middle, most) = (1 << (lattice.Bits - 1), (1 << lattice.Bits) - 1);
        foreach (var (first, rows) in lattice.Surveyed)
        {
            var (scales, offsets) = lattice.ReadGroups(reader, first, rows);
            for (var group = 0; group < scales.Length; group++)
            {
                var (scale, offset) = (scales[group], offsets[group]);
                var zero = !lattice.IsBiased ? offset : scale == 0 ? (offset == 0 ? 0 : -1) : -offset / scale;
                var bias = lattice.IsBiased ? offset : -offset * scale;
                groups++;
                symmetric += (lattice.IsBiased ? offset == -middle * scale : zero == middle) ? 1 : 0;
                zeros += zero >= 0 && zero <= most && Math.Abs(zero - MathF.Round(zero)) <= NearZero ? 1 : 0;
                bf16 += Holds(SafetensorsType.BF16) ? 1 : 0;
                f16 += Holds(SafetensorsType.F16) ? 1 : 0;

                bool Holds(SafetensorsType type) => StoredNumber.Round(type, scale) == scale && (!storesBiases || StoredNumber.Round(type, bias) == bias);
            }
        }
        var count = Math.Max(1.0, groups);
        return new LatticeTraits(lattice.Bits, lattice.GroupLength, lattice.ReadGroupOf(reader), symmetric == groups, zeros / count, bf16 / count, f16 / count);
    }
}
