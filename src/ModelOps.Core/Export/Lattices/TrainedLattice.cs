using System.Buffers;
using ModelOps.Conversion;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>
/// The lattice that quantization-aware training left in BF16 weights: a scale for each block of 32 and codes of 4 bits
/// (<see cref="LatticeQuantizer"/>). A block off the lattice is rounded.
/// </summary>
internal sealed class TrainedLattice(LogicalTensor tensor) : SampledLattice(tensor)
{
    private static readonly BlockLattice Q4_0 = GgufBlocks.Of(GgmlType.Q4_0)!;
    private static readonly int Middle = -Q4_0.Least;

    public override int Bits => Q4_0.Bits;

    public override int GroupLength => GgufBlocks.Length;

    public override LatticeRows Read(CheckpointReader reader, long firstRow, int rows, Span<float> weights)
    {
        Tensor.Read(reader, firstRow * RowLength, weights);
        var lattice = new LatticeRows(rows, RowLength, RowLength / GgufBlocks.Length) { GroupLength = GgufBlocks.Length };
        var (length, blockBytes) = (GgufBlocks.Length, GgmlType.Q4_0.BlockBytes());
        var stored = ArrayPool<ushort>.Shared.Rent(weights.Length);
        var encoded = ArrayPool<byte>.Shared.Rent(weights.Length / length * blockBytes);
        try
        {
            FloatConversion.ToBF16(weights, stored.AsSpan(0, weights.Length));
            LatticeQuantizer.Quantize(stored.AsSpan(0, weights.Length), encoded);
            for (var block = 0; block < weights.Length / length; block++)
            {
                var from = weights.Slice(block * length, length);
                var codes = lattice.Codes.Slice(block * length, length);
                (lattice.Scales[block], lattice.Offsets[block]) = GgufBlocks.Read(Q4_0, encoded.AsSpan(block * blockBytes, blockBytes), codes);
                // ggml's own rounding of such a block leaves the largest code unused on one side.
                if (!IsExact(from, codes, lattice.Scales[block]))
                    lattice.Scales[block] = GroupRounding.Symmetric(from, Bits, number => FloatConversion.FromBF16(FloatConversion.ToBF16(number)), codes);
            }
        }
        finally
        {
            ArrayPool<ushort>.Shared.Return(stored);
            ArrayPool<byte>.Shared.Return(encoded);
        }
        return lattice;
    }

    private static bool IsExact(ReadOnlySpan<float> weights, ReadOnlySpan<short> codes, float scale)
    {
        for (var i = 0; i < weights.Length; i++)
        {
            if (FloatConversion.FromBF16(FloatConversion.ToBF16((codes[i] - Middle) * scale)) != weights[i])
                return false;
        }
        return true;
    }
}
