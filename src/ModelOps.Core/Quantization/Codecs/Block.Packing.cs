using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

internal static partial class Block
{
    /// <summary>Packs 32 4-bit codes: element j in the low, j + 16 in the high nibble of byte j. A code above 15, as a signed byte, counts as 15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pack4(ReadOnlySpan<byte> codes, Span<byte> nibbles)
        => (AtMost(codes, 15) | (AtMost(codes[16..], 15) << 4)).CopyTo(nibbles);

    /// <summary>The reverse of <see cref="Pack4"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> Low, Vector128<byte> High) Unpack4(ReadOnlySpan<byte> nibbles)
    {
        var packed = Vector128.Create(nibbles);
        return (packed & Vector128.Create((byte)0x0F), packed >> 4);
    }

    /// <summary>
    /// Packs 5-bit codes: low nibbles as in the 4-bit types (element j low, j + 16 high), the 5th bit of element j as bit j of a word.
    /// A code above the limit, as a signed byte, counts as the limit.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pack5(ReadOnlySpan<byte> codes, Span<byte> highBits, Span<byte> nibbles, sbyte limit = 31)
    {
        var (low, high) = (AtMost(codes, limit), AtMost(codes[16..], limit));
        ((low & Vector128.Create((byte)0x0F)) | (high << 4)).CopyTo(nibbles);
        BinaryPrimitives.WriteUInt32LittleEndian(highBits, (low << 3).ExtractMostSignificantBits() | ((high << 3).ExtractMostSignificantBits() << 16));
    }

    /// <summary>The reverse of <see cref="Pack5"/>: elements 0 … 15 and 16 … 31.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> Low, Vector128<byte> High) Unpack5(ReadOnlySpan<byte> highBits, ReadOnlySpan<byte> nibbles)
    {
        var (low, high) = Unpack4(nibbles);
        var fifth = BinaryPrimitives.ReadUInt32LittleEndian(highBits);
        return (low | FifthBits(fifth), high | FifthBits(fifth >> 16));
    }

    /// <summary>Packs the 2-bit codes of a super-block: a half of 128 into 32 bytes, 32 weights a bit pair.</summary>
    public static void Pack2(ReadOnlySpan<byte> codes, Span<byte> destination)
    {
        for (var half = 0; half < 2; half++)
        {
            var q = codes.Slice(128 * half, 128);
            var packed = Vector256.Create(q) | (Vector256.Create(q[32..]) << 2) | (Vector256.Create(q[64..]) << 4) | (Vector256.Create(q[96..]) << 6);
            packed.CopyTo(destination[(32 * half)..]);
        }
    }

    /// <summary>16 of the codes that <see cref="Pack2"/> has packed, from a multiple of 16 on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Unpack2(ReadOnlySpan<byte> packed, int first)
        => (Vector128.Create(packed[((first / 128 * 32) + (first % 32))..]) >> (first % 128 / 32 * 2)) & Vector128.Create((byte)3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> AtMost(ReadOnlySpan<byte> codes, sbyte limit) => Vector128.Min(Vector128.Create(codes).AsSByte(), Vector128.Create(limit)).AsByte();

    // Sixteen bits to 16 or 0 in sixteen bytes.
    private static Vector128<byte> FifthBits(uint bits)
    {
        var own = Vector128.Create(0x8040_2010_0804_0201).AsByte();
        var spread = Vector128.Shuffle(Vector128.CreateScalar(bits).AsByte(), Vector128.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
        return Vector128.Equals(spread & own, own) & Vector128.Create((byte)16);
    }
}
