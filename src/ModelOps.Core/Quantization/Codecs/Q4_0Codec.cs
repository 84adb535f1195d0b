using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// Q4_0: blocks of 32 in 18 bytes, f16 d and 4-bit codes; y = d · (q − 8). The value of largest magnitude gets code 0
/// (quantize_row_q4_0_ref, quantize_row_q4_0_impl).
/// </summary>
internal sealed class Q4_0Codec : IImportanceCodec
{
    private const int Bytes = 18;

    public GgmlType Type => GgmlType.Q4_0;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (; !source.IsEmpty; source = source[Block.Length..], destination = destination[Bytes..])
        {
            EncodeBlock(source[..Block.Length], destination[..Bytes]);
        }
    }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
        => SimpleBlocks.Encode(new ScaleSearch(8), row, importance, destination, Bytes, static (scale, codes, block) =>
        {
            Block.WriteF16(block, scale);
            Block.Pack4(codes, block[2..]);
        });

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.Length..])
        {
            var scale = Block.ReadF16(source);
            for (var j = 0; j < 16; j++)
            {
                destination[j] = ((source[2 + j] & 0x0F) - 8) * scale;
                destination[j + 16] = ((source[2 + j] >> 4) - 8) * scale;
            }
        }
    }

    private static void EncodeBlock(ReadOnlySpan<float> block, Span<byte> destination)
    {
        var scale = SignedMaximum(block) / -8;
        var inverse = Rounding.Inverse(scale);
        Block.WriteF16(destination, scale);
        if (float.IsFinite(inverse) && Vector256.IsHardwareAccelerated)
        {
            var low = Vector256.Narrow(Codes(block, inverse), Codes(block[8..], inverse)).AsUInt16();
            var high = Vector256.Narrow(Codes(block[16..], inverse), Codes(block[24..], inverse)).AsUInt16();
            var packed = low | (high << 4);
            Vector128.Narrow(packed.GetLower(), packed.GetUpper()).CopyTo(destination[2..]);
        }
        else
        {
            Pack(block, inverse, destination[2..]);
        }
    }

    /// <summary>The 16 bytes of codes, without vectors: for processors that lack them, and for scales too small to invert.</summary>
    internal static void Pack(ReadOnlySpan<float> block, float inverse, Span<byte> nibbles)
    {
        for (var j = 0; j < 16; j++)
        {
            var low = (byte)Math.Min(15, (int)Rounding.TruncateToSByte((block[j] * inverse) + 8.5f));
            var high = (byte)Math.Min(15, (int)Rounding.TruncateToSByte((block[j + 16] * inverse) + 8.5f));
            nibbles[j] = (byte)(low | (high << 4));
        }
    }

    // With a finite inverse every product lies within -8.01 … 8.01, so neither the sign nor the size of the conversion can surprise.
    private static Vector256<int> Codes(ReadOnlySpan<float> values, float inverse)
        => Vector256.Min(Vector256.ConvertToInt32((Vector256.Create(values[..8]) * inverse) + Vector256.Create(8.5f)), Vector256.Create(15));

    private static float SignedMaximum(ReadOnlySpan<float> block)
    {
        if (!Vector256.IsHardwareAccelerated)
        {
            return Block.SignedMaximum(block);
        }
        var (a, b, c, d) = (Vector256.Abs(Vector256.Create(block[..8])), Vector256.Abs(Vector256.Create(block.Slice(8, 8))), Vector256.Abs(Vector256.Create(block.Slice(16, 8))), Vector256.Abs(Vector256.Create(block.Slice(24, 8))));
        var magnitudes = Vector256.Max(Vector256.Max(a, b), Vector256.Max(c, d));
        var four = Vector128.Max(magnitudes.GetLower(), magnitudes.GetUpper());
        var magnitude = MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
        if (float.IsNaN(magnitude))
        {
            return Block.SignedMaximum(block);
        }
        if (magnitude == 0)
        {
            // Not an element: it could be a minus zero.
            return 0;
        }
        var all = Vector256.Create(magnitude);
        var where = Vector256.Equals(a, all).ExtractMostSignificantBits() | (Vector256.Equals(b, all).ExtractMostSignificantBits() << 8)
            | (Vector256.Equals(c, all).ExtractMostSignificantBits() << 16) | (Vector256.Equals(d, all).ExtractMostSignificantBits() << 24);
        return block[System.Numerics.BitOperations.TrailingZeroCount(where)];
    }
}
