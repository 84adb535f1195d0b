using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// IQ1_S: super-blocks of 256 in 50 bytes, 8 sub-blocks of 32: f16 d, the low bytes of 11-bit points for 8 weights each in qs[32], and in
/// u16 qh[8] their upper 3 bits, a 3-bit scale and which way the codes are moved; y = d · (2 · scale + 1) · (code ± ⅛) (dequantize_row_iq1_s, quantize_row_iq1_s_impl).
/// </summary>
internal sealed class IQ1_SCodec : IImportanceEncoder
{
    private const int Bytes = 50;
    private const int PointsAt = 2;
    private const int HighAt = 34;
    private const int SubLength = 32;
    private const int SubBlocks = 8;
    private const int Groups = 4;
    private const int LargestScale = 7;

    /// <summary>Sub-blocks with nothing of this magnitude are zero (GROUP_MAX_EPS_IQ1_S).</summary>
    private const float Epsilon = 1e-12f;

    /// <summary>What the super-block's scale is multiplied by at last, found by trial.</summary>
    private const float Correction = 1.125f;

    public GgmlType Type => GgmlType.IQ1_S;

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        for (; !row.IsEmpty; row = row[Block.SuperLength..], importance = importance[Block.SuperLength..], destination = destination[Bytes..])
            EncodeBlock(row[..Block.SuperLength], importance[..Block.SuperLength], destination[..Bytes]);
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source);
            for (var sub = 0; sub < SubBlocks; sub++)
            {
                var high = BinaryPrimitives.ReadUInt16LittleEndian(source[(HighAt + (2 * sub))..]);
                var step = d * ((2 * (high >> 12 & 7)) + 1);
                var shift = (high & 0x8000) == 0 ? TernaryPoints.Shift : -TernaryPoints.Shift;
                for (var i = 0; i < Groups; i++)
                {
                    var index = source[PointsAt + (Groups * sub) + i] | (high >> (3 * i) & 7) << 8;
                    TernaryPoints.Decode(CodebookPoints.IQ1[index], step, shift, destination.Slice((SubLength * sub) + (8 * i), 8));
                }
            }
        }
    }

    private static void EncodeBlock(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Span<byte> block)
    {
        block.Clear();
        Span<float> weights = stackalloc float[Block.SuperLength];
        Importance.Spread(x, importance, 2 * Importance.SumOfSquares(x) / Block.SuperLength, weights);
        Span<float> scales = stackalloc float[SubBlocks];
        Span<bool> isDown = stackalloc bool[SubBlocks];
        var largest = 0f;
        for (var sub = 0; sub < SubBlocks; sub++)
        {
            var range = (SubLength * sub)..(SubLength * (sub + 1));
            (scales[sub], isDown[sub]) = EncodeSubBlock(x[range], weights[range], block, sub);
            largest = Math.Max(largest, scales[sub]);
        }
        if (largest == 0)
            return;
        var d = largest / ((2 * LargestScale) + 1);
        Block.WriteF16(block, d * Correction);
        var inverse = 1 / d;
        for (var sub = 0; sub < SubBlocks; sub++)
        {
            var scale = Math.Clamp(Rounding.Nearest(0.5f * ((inverse * scales[sub]) - 1)), 0, LargestScale);
            block[HighAt + (2 * sub) + 1] |= (byte)(scale << 4 | (isDown[sub] ? 0x80 : 0));
        }
    }

    private static (float Scale, bool IsDown) EncodeSubBlock(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<byte> block, int sub)
    {
        if (Block.Magnitude(x) < Epsilon)
            return default;
        Span<byte> order = stackalloc byte[SubLength];
        TernarySplit.Sort(x, order);
        if (PrefixSplitSearch.Find(x, weights, order) is not { } split)
            return default;
        Span<ushort> points = stackalloc ushort[Groups];
        var (scale, shifts) = TernarySubBlock.Encode(x, weights, order, split, 1, points);
        var high = 0;
        for (var i = 0; i < Groups; i++)
        {
            var index = Codebook.IQ1.Value.IndexOf(points[i]);
            block[PointsAt + (Groups * sub) + i] = (byte)index;
            high |= index >> 8 << (3 * i);
        }
        BinaryPrimitives.WriteUInt16LittleEndian(block[(HighAt + (2 * sub))..], (ushort)high);
        return (scale, shifts != 0);
    }
}
