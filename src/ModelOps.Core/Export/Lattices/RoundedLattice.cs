using ModelOps.Conversion;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>Rounds a group of weights to codes, and gives its scale and offset.</summary>
internal delegate (float Scale, float Offset) RoundGroup(ReadOnlySpan<float> weights, Span<short> codes);

/// <summary>Weights that lie on no lattice, or on one that cannot be kept, rounded to one.</summary>
internal sealed class RoundedLattice(LogicalTensor tensor, int bits, int groupLength, bool isBiased, RoundGroup round) : SampledLattice(tensor)
{
    public override int Bits => bits;

    public override int GroupLength => groupLength;

    public override bool IsBiased => isBiased;

    public override LatticeRows Read(CheckpointReader reader, long firstRow, int rows, Span<float> weights)
    {
        Tensor.Read(reader, firstRow * RowLength, weights);
        var lattice = new LatticeRows(rows, RowLength, RowLength / groupLength) { GroupLength = groupLength, IsBiased = isBiased };
        for (var group = 0; group < lattice.Scales.Length; group++)
            (lattice.Scales[group], lattice.Offsets[group]) = round(weights.Slice(group * groupLength, groupLength), lattice.Codes.Slice(group * groupLength, groupLength));
        return lattice;
    }
}
