using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// Codes of a few bits in little-endian 32-bit words, lowest bits first: as one stream of bits in which codes may straddle words, or as
/// many whole ones a word as there is room for. For 1, 2, 4 and 8 bits that is the same.
/// </summary>
internal static class PackedCodes
{
    /// <summary>Words that a row of codes takes.</summary>
    public static long Words(long codes, int bits, bool straddle) => straddle
        ? (checked(codes * bits) + 31) / 32
        : (codes + (32 / bits) - 1) / (32 / bits);

    /// <summary>Unpacks as many codes as <paramref name="codes"/> holds.</summary>
    /// <param name="words">The words, from the first code's on.</param>
    /// <param name="stride">Words from one to the next: 1 in a row, a row's length down a column.</param>
    /// <param name="bits">Bits of a code, 1 to 8.</param>
    /// <param name="straddle">Whether codes may straddle words.</param>
    /// <param name="codes">The codes.</param>
    public static void Unpack(ReadOnlySpan<byte> words, int stride, int bits, bool straddle, Span<short> codes)
    {
        var mask = (1u << bits) - 1;
        var (word, used) = (0, 32);
        var current = 0u;
        for (var i = 0; i < codes.Length; i++)
        {
            if (used + bits <= 32)
            {
                codes[i] = (short)(current >> used & mask);
                used += bits;
                continue;
            }
            var next = Word(words, word++ * stride);
            var kept = straddle ? 32 - used : 0;
            var low = kept > 0 ? current >> used : 0;
            codes[i] = (short)((low | next << kept) & mask);
            (current, used) = (next, bits - kept);
        }
    }

    /// <summary>Packs codes; words that are not full end in zeros.</summary>
    /// <param name="codes">The codes, each less than 2^bits.</param>
    /// <param name="bits">Bits of a code, 1 to 8.</param>
    /// <param name="words">The words, as one stream of bits.</param>
    /// <param name="stride">Words from one to the next.</param>
    public static void Pack(ReadOnlySpan<short> codes, int bits, Span<byte> words, int stride = 1)
    {
        var (word, used) = (0, 0);
        var current = 0ul;
        foreach (var code in codes)
        {
            current |= (ulong)(ushort)code << used;
            used += bits;
            if (used < 32)
                continue;
            BinaryPrimitives.WriteUInt32LittleEndian(words[(word++ * stride * sizeof(uint))..], (uint)current);
            current >>= 32;
            used -= 32;
        }
        if (used > 0)
            BinaryPrimitives.WriteUInt32LittleEndian(words[(word * stride * sizeof(uint))..], (uint)current);
    }

    /// <summary>The code of an index.</summary>
    /// <param name="words">The words, from the first code's on.</param>
    /// <param name="stride">Words from one to the next.</param>
    /// <param name="bits">Bits of a code, 1 to 8.</param>
    /// <param name="straddle">Whether codes may straddle words.</param>
    /// <param name="index">Which code.</param>
    public static int At(ReadOnlySpan<byte> words, int stride, int bits, bool straddle, long index)
    {
        var perWord = 32 / bits;
        var (word, shift) = straddle ? ((int)(index * bits / 32), (int)(index * bits % 32)) : ((int)(index / perWord), (int)(index % perWord) * bits);
        ulong value = Word(words, word * stride);
        if (shift + bits > 32)
            value |= (ulong)Word(words, (word + 1) * stride) << 32;
        return (int)((value >> shift) & ((1u << bits) - 1));
    }

    private static uint Word(ReadOnlySpan<byte> words, int index) => BinaryPrimitives.ReadUInt32LittleEndian(words[(index * sizeof(uint))..]);
}
