using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// IQ1_M: super-blocks of 256 in 56 bytes, 16 sub-blocks of 16: for 8 weights each the low byte of an 11-bit point in qs[32], in a nibble of
/// qh[16] its upper 3 bits and which way the codes are moved; u16 scales[4] with four 3-bit scales and 4 bits of the f16 d each;
/// y = d · (2 · scale + 1) · (code ± ⅛) (dequantize_row_iq1_m, quantize_row_iq1_m_impl).
/// </summary>
internal sealed class IQ1_MCodec : IImportanceCodec
{
    private const int Bytes = 56;
    private const int HighAt = 32;
    private const int ScalesAt = 48;
    private const int SubLength = 16;
    private const int SubBlocks = 16;
    private const int Groups = 2;
    private const int LargestScale = 7;

    /// <summary>Sub-blocks with nothing of this magnitude are zero (GROUP_MAX_EPS_IQ1_M).</summary>
    private const float Epsilon = 1e-7f;

    /// <summary>What the super-block's scale is multiplied by at last, found by trial.</summary>
    private const float Correction = 1.1125f;

    public GgmlType Type => GgmlType.IQ1_M;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination) => Encode(source, default, destination);

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        for (; !row.IsEmpty; row = row[Block.SuperLength..], importance = importance.IsEmpty ? default : importance[Block.SuperLength..], destination = destination[Bytes..])
            EncodeBlock(row[..Block.SuperLength], importance.IsEmpty ? default : importance[..Block.SuperLength], destination[..Bytes]);
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var scales = BinaryPrimitives.ReadUInt64LittleEndian(source[ScalesAt..]);
            var d = FloatConversion.FromF16((ushort)((scales >> 12 & 0x000F) | (scales >> 24 & 0x00F0) | (scales >> 36 & 0x0F00) | (scales >> 48 & 0xF000)));
            for (var i = 0; i < Block.SuperLength / 8; i++)
            {
                var high = source[HighAt + (i / 2)] >> (4 * (i % 2));
                var scale = (int)(scales >> ((i / 8 * 16) + (i / 2 % 4 * 3))) & 7;
                var shift = (high & 8) == 0 ? TernaryPoints.Shift : -TernaryPoints.Shift;
                TernaryPoints.Decode(CodebookPoints.IQ1[source[i] | (high & 7) << 8], d * ((2 * scale) + 1), shift, destination.Slice(8 * i, 8));
            }
        }
    }

    private static void EncodeBlock(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Span<byte> block)
    {
        block.Clear();
        Span<float> weights = stackalloc float[Block.SuperLength];
        if (importance.IsEmpty)
        {
            for (var i = 0; i < x.Length; i++)
                weights[i] = x[i] * x[i];
        }
        else
        {
            Importance.Spread(x, importance, 2 * Importance.SumOfSquares(x) / Block.SuperLength, weights);
        }
        Span<ushort> points = stackalloc ushort[SubBlocks * Groups];
        points.Clear();
        Span<float> scales = stackalloc float[SubBlocks];
        Span<int> shifts = stackalloc int[SubBlocks];
        var largest = 0f;
        for (var sub = 0; sub < SubBlocks; sub++)
        {
            var range = (SubLength * sub)..(SubLength * (sub + 1));
            (scales[sub], shifts[sub]) = EncodeSubBlock(x[range], weights[range], points.Slice(Groups * sub, Groups));
            largest = Math.Max(largest, scales[sub]);
            for (var i = Groups * sub; i < Groups * (sub + 1); i++)
            {
                var index = Codebook.IQ1.Value.IndexOf(points[i]);
                block[i] = (byte)index;
                block[HighAt + sub] |= (byte)(index >> 8 << (4 * (i % Groups)));
            }
        }
        if (largest > 0)
            WriteScales(x, weights, points, scales, shifts, largest / ((2 * LargestScale) + 1), block);
    }

    private static (float Scale, int Shifts) EncodeSubBlock(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<ushort> points)
    {
        if (Block.Magnitude(x) < Epsilon)
            return default;
        Span<byte> order = stackalloc byte[SubLength];
        TernarySplit.Sort(x, order);
        return HalvesSplitSearch.Find(x, weights, order) is { } split ? TernarySubBlock.Encode(x, weights, order, split, Groups, points) : default;
    }

    /// <summary>Rounds the sub-blocks' scales, and fits the super-block's to them.</summary>
    private static void WriteScales(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<ushort> points, ReadOnlySpan<float> scales, ReadOnlySpan<int> shifts, float d, Span<byte> block)
    {
        var inverse = 1 / d;
        var bits = 0ul;
        var (sumQX, sumQ2) = (0f, 0f);
        for (var sub = 0; sub < SubBlocks; sub++)
        {
            var scale = Math.Clamp(Rounding.Nearest(0.5f * ((inverse * scales[sub]) - 1)), 0, LargestScale);
            bits |= (ulong)scale << ((sub / 4 * 16) + (sub % 4 * 3));
            for (var group = 0; group < Groups; group++)
            {
                var isDown = TernarySubBlock.IsDown(shifts[sub], group, Groups);
                block[HighAt + sub] |= (byte)(isDown ? 8 << (4 * group) : 0);
                var levels = TernaryPoints.Levels(isDown);
                for (var i = 0; i < 8; i++)
                {
                    var at = (SubLength * sub) + (8 * group) + i;
                    var level = levels[points[(Groups * sub) + group] >> (2 * i) & 3] * ((2 * scale) + 1);
                    sumQX += weights[at] * level * x[at];
                    sumQ2 += weights[at] * level * level;
                }
            }
        }
        if (sumQ2 > 0)
            d = sumQX / sumQ2;
        ulong half = FloatConversion.ToF16(d * Correction);
        bits |= (half & 0x000F) << 12 | (half & 0x00F0) << 24 | (half & 0x0F00) << 36 | (half & 0xF000) << 48;
        BinaryPrimitives.WriteUInt64LittleEndian(block[ScalesAt..], bits);
    }
}
