namespace ModelOps.Quantization;

/// <summary>A sub-block as the IQ2 and IQ3 types store it: magnitudes, and the signs of 8 weights in a byte.</summary>
internal static class Magnitudes
{
    /// <summary>Takes the signs off.</summary>
    public static void Split(ReadOnlySpan<float> x, Span<float> magnitudes, Span<byte> signs)
    {
        for (var first = 0; first < x.Length; first += 8)
        {
            var negative = 0;
            for (var i = first; i < first + 8; i++)
            {
                var isPositive = x[i] >= 0;
                magnitudes[i] = isPositive ? x[i] : -x[i];
                negative |= isPositive ? 0 : 1 << (i - first);
            }
            signs[first / 8] = (byte)negative;
        }
    }

    /// <summary>
    /// The same with an even number of signs in each byte, so that 7 of them need to be stored: where it is odd, the weight that matters least
    /// gets the wrong one, and a negative magnitude in return.
    /// </summary>
    public static void SplitEvenly(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<float> magnitudes, Span<byte> signs)
    {
        Split(x, magnitudes, signs);
        for (var first = 0; first < x.Length; first += 8)
        {
            ref var negative = ref signs[first / 8];
            if (byte.IsEvenInteger(byte.PopCount(negative)))
                continue;
            var least = first;
            for (var i = first + 1; i < first + 8; i++)
            {
                if (weights[i] * x[i] * x[i] < weights[least] * x[least] * x[least])
                    least = i;
            }
            magnitudes[least] = -magnitudes[least];
            negative ^= (byte)(1 << (least - first));
        }
    }

    public static float Largest(ReadOnlySpan<float> magnitudes)
    {
        var largest = magnitudes[0];
        foreach (var magnitude in magnitudes[1..])
            largest = largest > magnitude ? largest : magnitude;
        return largest;
    }
}
