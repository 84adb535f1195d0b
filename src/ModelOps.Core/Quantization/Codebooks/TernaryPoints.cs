namespace ModelOps.Quantization;

/// <summary>How the IQ1 types are read: codes −1, 0 and 1, all moved by an eighth up or down.</summary>
internal static class TernaryPoints
{
    /// <summary>What the codes of a point are moved by (IQ1S_DELTA, IQ1M_DELTA).</summary>
    public const float Shift = 0.125f;

    /// <summary>Decodes 8 weights.</summary>
    public static void Decode(ushort point, float step, float shift, Span<float> destination)
    {
        for (var i = 0; i < 8; i++)
            destination[i] = step * ((point >> (2 * i) & 3) - 1 + shift);
    }
}
