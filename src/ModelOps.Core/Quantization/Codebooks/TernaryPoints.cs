using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>What the points of the IQ1 types stand for: codes −1, 0 and 1, all moved by an eighth up or down.</summary>
internal static class TernaryPoints
{
    /// <summary>What the codes of a point are moved by (IQ1S_DELTA, IQ1M_DELTA).</summary>
    public const float Shift = 0.125f;

    /// <summary>What the codes become, as often as a lane's index can name them.</summary>
    public static Vector256<float> Levels(bool isDown)
        => isDown ? Vector256.Create(-1 - Shift, -Shift, 1 - Shift, 0, -1 - Shift, -Shift, 1 - Shift, 0) : Vector256.Create(-1 + Shift, Shift, 1 + Shift, 0, -1 + Shift, Shift, 1 + Shift, 0);

    /// <summary>Decodes 8 weights.</summary>
    public static void Decode(ushort point, float step, float shift, Span<float> destination)
    {
        for (var i = 0; i < 8; i++)
            destination[i] = step * ((point >> (2 * i) & 3) - 1 + shift);
    }
}
