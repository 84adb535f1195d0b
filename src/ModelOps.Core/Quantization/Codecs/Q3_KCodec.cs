using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// Q3_K: super-blocks of 256 in 110 bytes, 16 sub-blocks of 16: hmask[32] (third bits, inverted), qs[64], scales[12] (6 bits, minus 32),
/// f16 d (quantize_row_q3_K_ref, quantize_row_q3_K_impl).
/// </summary>
internal sealed class Q3_KCodec : IImportanceCodec
{
    private const int Bytes = 110;
    private const int CodesAt = 32;
    private const int ScalesAt = 96;
    private const int ScaleAt = 108;
    private const int SubLength = 16;
    private const int SubBlocks = 16;
    private const int Half = 4;
    private const int ScaleHalf = 32;

    /// <summary>Super-blocks that are refined together.</summary>
    private const int Batch = 8;

    /// <summary>Super-blocks that are searched together: their own scales then fill the lanes as well.</summary>
    private const int ImportanceBatch = 16;

    public GgmlType Type => GgmlType.Q3_K;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<float> scales = stackalloc float[Batch * SubBlocks];
        Span<byte> codes = stackalloc byte[Batch * Block.SuperLength];
        Span<byte> scaleCodes = stackalloc byte[SubBlocks];
        while (!source.IsEmpty)
        {
            var blocks = Math.Min(Batch, source.Length / Block.SuperLength);
            RefinedScales.Find(new ScaleRefinement(Half), source[..(blocks * Block.SuperLength)], SubLength, scales[..(blocks * SubBlocks)], codes);
            for (var i = 0; i < blocks; i++)
            {
                var d = RoundToExtreme(scales.Slice(i * SubBlocks, SubBlocks), scaleCodes);
                EncodeBlock(source[..Block.SuperLength], d, scaleCodes, codes.Slice(i * Block.SuperLength, Block.SuperLength), destination);
                source = source[Block.SuperLength..];
                destination = destination[Bytes..];
            }
        }
    }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        Span<float> weights = stackalloc float[ImportanceBatch * Block.SuperLength];
        Span<float> sums = stackalloc float[ImportanceBatch * SubBlocks];
        Span<float> scales = stackalloc float[ImportanceBatch * SubBlocks];
        Span<byte> codes = stackalloc byte[ImportanceBatch * Block.SuperLength];
        Span<byte> scaleCodes = stackalloc byte[ImportanceBatch * SubBlocks];
        Span<float> factors = stackalloc float[ImportanceBatch];
        while (!row.IsEmpty)
        {
            var blocks = Math.Min(ImportanceBatch, row.Length / Block.SuperLength);
            for (var i = 0; i < blocks; i++)
            {
                var x = row.Slice(i * Block.SuperLength, Block.SuperLength);
                Importance.Spread(x, importance.Slice(i * Block.SuperLength, Block.SuperLength), 2 * Importance.SumOfSquares(x) / Block.SuperLength, weights[(i * Block.SuperLength)..]);
            }
            Importance.Sum(weights[..(blocks * Block.SuperLength)], SubLength, sums);
            SignedScales.Find(new ScaleSearch(Half), row[..(blocks * Block.SuperLength)], SubLength, weights, scales[..(blocks * SubBlocks)], codes);
            SignedScales.Find(new ScaleSearch(ScaleHalf), scales[..(blocks * SubBlocks)], SubBlocks, sums, factors[..blocks], scaleCodes);
            for (var i = 0; i < blocks; i++)
            {
                EncodeBlock(row[..Block.SuperLength], factors[i], scaleCodes.Slice(i * SubBlocks, SubBlocks), codes.Slice(i * Block.SuperLength, Block.SuperLength), destination);
                row = row[Block.SuperLength..];
                importance = importance[Block.SuperLength..];
                destination = destination[Bytes..];
            }
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source[ScaleAt..]);
            for (var sub = 0; sub < SubBlocks; sub++)
            {
                var third = Vector128.Create(source[(sub % 2 * SubLength)..]) >> (sub / 2) & Vector128<byte>.One;
                var codes = (Block.Unpack2(source[CodesAt..], sub * SubLength) | third << 2).AsSByte() - Vector128.Create((sbyte)Half);
                ScaledCodes.Write(codes, d * (ScaleOf(source[ScalesAt..], sub) - ScaleHalf), destination[(sub * SubLength)..]);
            }
        }
    }

    private static float RoundToExtreme(ReadOnlySpan<float> scales, Span<byte> codes)
    {
        var extreme = Block.SignedMaximum(scales);
        if (extreme == 0)
        {
            codes.Clear();
            return 0;
        }
        var inverse = -32f / extreme;
        // A byte first, as in ggml: what does not fit loses its upper bits.
        var bytes = Vector128.Narrow(
            Vector128.Narrow(Nearest(scales, inverse), Nearest(scales[4..], inverse)), Vector128.Narrow(Nearest(scales[8..], inverse), Nearest(scales[12..], inverse)));
        (Vector128.Clamp(bytes, Vector128.Create((sbyte)-ScaleHalf), Vector128.Create((sbyte)(ScaleHalf - 1))) + Vector128.Create((sbyte)ScaleHalf)).AsByte().CopyTo(codes);
        return 1 / inverse;

        static Vector128<int> Nearest(ReadOnlySpan<float> scales, float inverse) => Rounding.Nearest(Vector128.Create(scales) * inverse);
    }

    private static void EncodeBlock(ReadOnlySpan<float> x, float d, ReadOnlySpan<byte> scales, Span<byte> codes, Span<byte> block)
    {
        WriteScales(scales, block[ScalesAt..]);
        Block.WriteF16(block[ScaleAt..], d);
        d = Block.ReadF16(block[ScaleAt..]);
        for (var sub = 0; sub < SubBlocks; sub++)
        {
            var step = d * (scales[sub] - ScaleHalf);
            // Where the stored scale is zero the codes of the search stay, as in ggml; they are multiplied by nothing.
            if (step != 0)
                SubBlockCodes.Encode(x.Slice(sub * SubLength, SubLength), 0, step, -Half, Half - 1, codes.Slice(sub * SubLength, SubLength));
        }
        var thirds = Vector256<byte>.Zero;
        for (var run = 0; run < 8; run++)
        {
            var code = Vector256.Create(codes[(32 * run)..]);
            thirds |= code >> 2 << run;
            (code & Vector256.Create((byte)3)).CopyTo(codes[(32 * run)..]);
        }
        thirds.CopyTo(block);
        Block.Pack2(codes, block[CodesAt..]);
    }

    // Scales 0…7 keep their low nibbles in the low, 8…15 in the high nibbles of the first eight bytes; the last four hold the upper pairs.
    private static void WriteScales(ReadOnlySpan<byte> scales, Span<byte> packed)
    {
        for (var i = 0; i < 8; i++)
            packed[i] = (byte)((scales[i] & 0x0F) | scales[i + 8] << 4);
        for (var i = 0; i < 4; i++)
            packed[8 + i] = (byte)(scales[i] >> 4 | scales[i + 4] >> 4 << 2 | scales[i + 8] >> 4 << 4 | scales[i + 12] >> 4 << 6);
    }

    private static int ScaleOf(ReadOnlySpan<byte> packed, int index)
    {
        var low = packed[index % 8] >> (index / 8 * 4) & 0x0F;
        var high = packed[8 + (index % 4)] >> (index / 4 * 2) & 3;
        return low | high << 4;
    }
}
