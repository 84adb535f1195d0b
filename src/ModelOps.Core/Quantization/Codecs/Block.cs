using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>The F16 fields of a block, and the 5th bits of the 5-bit types.</summary>
internal static class Block
{
    /// <summary>Weights in a block of the simple types.</summary>
    public const int Length = 32;

    /// <summary>Weights in a super-block of the K types (QK_K).</summary>
    public const int SuperLength = 256;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteF16(Span<byte> destination, float value) => BinaryPrimitives.WriteUInt16LittleEndian(destination, FloatConversion.ToF16(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ReadF16(ReadOnlySpan<byte> source) => FloatConversion.FromF16(BinaryPrimitives.ReadUInt16LittleEndian(source));

    /// <summary>The value of largest magnitude with its sign, the first one of several; 0 for a zero block.</summary>
    public static float SignedMaximum(ReadOnlySpan<float> block)
    {
        var magnitude = 0f;
        var maximum = 0f;
        foreach (var value in block)
        {
            if (magnitude < MathF.Abs(value))
            {
                magnitude = MathF.Abs(value);
                maximum = value;
            }
        }
        return maximum;
    }

    /// <summary>Smallest and largest value.</summary>
    public static (float Minimum, float Maximum) Range(ReadOnlySpan<float> block)
    {
        var minimum = float.MaxValue;
        var maximum = -float.MaxValue;
        foreach (var value in block)
        {
            if (value < minimum)
            {
                minimum = value;
            }
            if (value > maximum)
            {
                maximum = value;
            }
        }
        return (minimum, maximum);
    }

    /// <summary>Packs 4-bit codes: element j in the low, j + 16 in the high nibble of byte j.</summary>
    public static void Pack4(ReadOnlySpan<byte> codes, Span<byte> nibbles)
    {
        for (var j = 0; j < Length / 2; j++)
            nibbles[j] = (byte)(codes[j] | codes[j + 16] << 4);
    }

    /// <summary>
    /// Packs 5-bit codes: low nibbles as in the 4-bit types (element j low, j + 16 high), the 5th bit of element j as bit j of a word.
    /// </summary>
    public static void Pack5(ReadOnlySpan<byte> codes, Span<byte> highBits, Span<byte> nibbles)
    {
        var high = 0u;
        for (var j = 0; j < Length / 2; j++)
        {
            nibbles[j] = (byte)((codes[j] & 0x0F) | ((codes[j + 16] & 0x0F) << 4));
            high |= (uint)(codes[j] >> 4 & 1) << j;
            high |= (uint)(codes[j + 16] >> 4 & 1) << (j + 16);
        }
        BinaryPrimitives.WriteUInt32LittleEndian(highBits, high);
    }

    /// <summary>The reverse of <see cref="Pack5"/>.</summary>
    public static void Unpack5(ReadOnlySpan<byte> highBits, ReadOnlySpan<byte> nibbles, Span<byte> codes)
    {
        var high = BinaryPrimitives.ReadUInt32LittleEndian(highBits);
        for (var j = 0; j < Length / 2; j++)
        {
            codes[j] = (byte)((nibbles[j] & 0x0Fu) | ((high >> j & 1) << 4));
            codes[j + 16] = (byte)(((uint)nibbles[j] >> 4) | ((high >> (j + 16) & 1) << 4));
        }
    }

    /// <summary>Packs the 2-bit codes of a super-block: a half of 128 into 32 bytes, 32 weights a bit pair.</summary>
    public static void Pack2(ReadOnlySpan<byte> codes, Span<byte> destination)
    {
        for (var half = 0; half < 2; half++)
        {
            var q = codes.Slice(128 * half, 128);
            var to = destination.Slice(32 * half, 32);
            for (var i = 0; i < 32; i++)
                to[i] = (byte)(q[i] | q[i + 32] << 2 | q[i + 64] << 4 | q[i + 96] << 6);
        }
    }
}
