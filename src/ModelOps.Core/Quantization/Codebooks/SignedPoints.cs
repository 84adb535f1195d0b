using System.Numerics;

namespace ModelOps.Quantization;

/// <summary>How the IQ2 and IQ3 types are read: a point of a codebook says magnitudes, signs are stored beside it.</summary>
internal static class SignedPoints
{
    /// <summary>Magnitudes of the 2-bit codes.</summary>
    public static ReadOnlySpan<byte> Magnitudes2 => [8, 25, 43];

    /// <summary>Magnitudes of IQ3_XXS's codes.</summary>
    public static ReadOnlySpan<byte> Magnitudes3 => [4, 12, 20, 28, 36, 44, 52, 62];

    /// <summary>Magnitudes of IQ3_S's codes.</summary>
    public static ReadOnlySpan<byte> OddMagnitudes => [1, 3, 5, 7, 9, 11, 13, 15];

    /// <summary>8 signs of the 7 that are stored: the last one makes the number of negative weights even (ksigns_iq2xs).</summary>
    public static int EvenSigns(uint stored) => (int)((stored & 127) | ((uint)BitOperations.PopCount(stored & 127) & 1) << 7);

    /// <summary>Decodes 8 weights.</summary>
    public static void Decode8(ushort point, float step, int signs, Span<float> destination)
    {
        var magnitudes = Magnitudes2;
        for (var i = 0; i < 8; i++)
            destination[i] = step * magnitudes[point >> (2 * i) & 3] * ((signs >> i & 1) == 0 ? 1f : -1f);
    }

    /// <summary>Decodes 4 weights.</summary>
    public static void Decode4(ushort point, ReadOnlySpan<byte> magnitudes, float step, int signs, Span<float> destination)
    {
        for (var i = 0; i < 4; i++)
            destination[i] = step * magnitudes[point >> (3 * i) & 7] * ((signs >> i & 1) == 0 ? 1f : -1f);
    }
}
