namespace ModelOps.Quantization;

/// <summary>
/// Q4_0 blocks that reproduce a quantization-aware-trained BF16 checkpoint exactly: finds, per block of 32, an f16 scale d and codes q
/// with bf16(d·q) equal to every stored weight (facts/qat-lattice.md). Deterministic, and the search leaves no scale out: if a block can
/// be stored exactly, it is. Integers know no minus zero, so zeros of either sign count as equal.
/// </summary>
internal static class LatticeQuantizer
{
    private const int BlockBytes = 18;
    private const int SampledBlocks = 1024;

    // bf16(d·k) fixes d to within half a bf16 ulp, at most 2^-8 relative; an f16 ulp is at least 2^-11 relative: 8 steps, and 1 for the
    // rounding of the starting point.
    private const int Window = 9;

    // Codes the largest weight may have. −7…7 is the rule of QAT, so 7 is nearly always it; −8 occurs in lattices of other makers.
    private static readonly int[] LargestCodes = [7, 8, 6, 5, 4, 3, 2, 1];

    /// <summary>
    /// Whether the rows look like an int4, group-32 lattice: samples blocks evenly over the rows and asks for more than 95 % exact.
    /// Blocks of zeros say nothing and are not counted.
    /// </summary>
    public static bool IsLattice(ReadOnlySpan<ushort> bf16, int rowLength)
    {
        if (rowLength < 1 || rowLength % Block.Length != 0 || bf16.Length % rowLength != 0)
        {
            return false;
        }
        Span<byte> encoded = stackalloc byte[BlockBytes];
        var blocks = bf16.Length / Block.Length;
        var samples = Math.Min(blocks, SampledBlocks);
        var (exact, counted) = (0, 0);
        for (var sample = 0; sample < samples; sample++)
        {
            var at = (int)((long)sample * blocks / samples);
            var block = bf16.Slice(at * Block.Length, Block.Length);
            if (Magnitude(block) == 0)
            {
                continue;
            }
            counted++;
            exact += TryEncode(block, encoded) ? 1 : 0;
            if ((counted - exact) * 20 >= samples)
            {
                return false;
            }
        }
        return counted > 0 && exact * 20 > counted * 19;
    }

    /// <summary>
    /// Encodes BF16 weights as Q4_0; blocks off the lattice fall back to the ordinary quantiser. Returns the number of weights that come
    /// back exactly (<see cref="CountExact"/>). Blocks are independent: a tensor may be encoded in pieces.
    /// </summary>
    public static long Quantize(ReadOnlySpan<ushort> bf16, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bf16.Length % Block.Length, 0, nameof(bf16));
        var exact = 0L;
        for (; !bf16.IsEmpty; bf16 = bf16[Block.Length..], destination = destination[BlockBytes..])
        {
            var block = bf16[..Block.Length];
            exact += TryEncode(block, destination[..BlockBytes]) ? Block.Length : EncodeRounded(block, destination[..BlockBytes]);
        }
        return exact;
    }

    /// <summary>How many weights have, decoded and rounded to BF16, the bits of the source; zeros of either sign count as equal.</summary>
    public static long CountExact(ReadOnlySpan<ushort> bf16, ReadOnlySpan<float> decoded)
    {
        var exact = 0L;
        for (var i = 0; i < bf16.Length; i++)
        {
            exact += SameBits(FloatConversion.ToBF16(decoded[i]), bf16[i]) ? 1 : 0;
        }
        return exact;
    }

    /// <summary>Encodes a block of 32 if it is on a lattice.</summary>
    private static bool TryEncode(ReadOnlySpan<ushort> block, Span<byte> destination)
    {
        var (largest, index) = (Magnitude(block), 0);
        if (largest == 0)
        {
            destination.Clear();
            destination[2..].Fill(0x88);
            return true;
        }
        while ((block[index] & 0x7FFF) != largest)
        {
            index++;
        }
        var extreme = FloatConversion.FromBF16((ushort)largest);
        foreach (var code in LargestCodes)
        {
            // Code 8 exists as −8 only: the scale takes the other sign when the largest weight is positive.
            var negative = code == 8 && (block[index] & 0x8000) == 0;
            if (TryScales(block, extreme, code, negative, destination))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>
    /// Tries the f16 scales around a value, nearest first, but those that are BF16 numbers too before all others: trainers store scales
    /// in BF16, so such a scale is most likely the true one.
    /// </summary>
    private static bool TryScales(ReadOnlySpan<ushort> block, float extreme, int code, bool negative, Span<byte> destination)
    {
        var middle = FloatConversion.ToF16(extreme / code);
        for (var pass = 0; pass < 2; pass++)
        {
            for (var step = 0; step <= 2 * Window; step++)
            {
                var bits = middle + ((step & 1) == 0 ? step / 2 : -(step / 2) - 1);
                if (bits is < 1 or >= 0x7C00)
                {
                    continue;
                }
                var scale = FloatConversion.FromF16((ushort)bits);
                var isBF16 = (BitConverter.SingleToUInt32Bits(scale) & 0xFFFF) == 0;
                // The largest weight alone rejects most scales.
                if (isBF16 == (pass == 0) && FloatConversion.FromBF16(FloatConversion.ToBF16(scale * code)) == extreme && TryScale(block, negative ? -scale : scale, destination))
                {
                    return true;
                }
            }
        }
        return false;
    }

    private static bool TryScale(ReadOnlySpan<ushort> block, float scale, Span<byte> destination)
    {
        Span<ushort> products = stackalloc ushort[16];
        for (var code = 0; code < 16; code++)
        {
            products[code] = FloatConversion.ToBF16((code - 8) * scale);
        }
        Span<byte> codes = stackalloc byte[Block.Length];
        var inverse = 1 / scale;
        for (var i = 0; i < Block.Length; i++)
        {
            var nearest = Rounding.Nearest(FloatConversion.FromBF16(block[i]) * inverse);
            if (nearest is < -8 or > 7 || !SameBits(products[nearest + 8], block[i]))
            {
                return false;
            }
            codes[i] = (byte)(nearest + 8);
        }
        Block.WriteF16(destination, scale);
        Block.Pack4(codes, destination[2..]);
        return true;
    }

    private static long EncodeRounded(ReadOnlySpan<ushort> block, Span<byte> destination)
    {
        Span<float> values = stackalloc float[Block.Length];
        FloatConversion.FromBF16(block, values);
        TensorQuantizer.Quantize(GgmlType.Q4_0, values, destination, Block.Length);
        TensorQuantizer.Dequantize(GgmlType.Q4_0, destination[..BlockBytes], values);
        return CountExact(block, values);
    }

    private static bool SameBits(ushort left, ushort right) => left == right || ((left | right) & 0x7FFF) == 0;

    private static int Magnitude(ReadOnlySpan<ushort> block)
    {
        // The bits of positive BF16 numbers are in their order.
        var largest = 0;
        foreach (var bits in block)
        {
            largest = Math.Max(largest, bits & 0x7FFF);
        }
        return largest;
    }
}
