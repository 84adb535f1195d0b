namespace ModelOps.Quantization;

/// <summary>The 8-bit number types of checkpoints, widened to F32; exact.</summary>
internal static class Float8
{
    private static readonly float[] E4M3 = Table(exponentBits: 4, bias: 7, isFinite: true);
    private static readonly float[] E5M2 = Table(exponentBits: 5, bias: 15, isFinite: false);

    /// <summary>OCP E4M3 ("fn"): no infinities, one NaN of each sign.</summary>
    public static float FromE4M3(byte bits) => E4M3[bits];

    /// <summary>OCP E5M2: the upper half of an F16.</summary>
    public static float FromE5M2(byte bits) => E5M2[bits];

    /// <summary>OCP E8M0: a power of two, 2^(bits − 127); 255 is NaN.</summary>
    public static float FromE8M0(byte bits) => bits switch
    {
        0 => BitConverter.UInt32BitsToSingle(0x0040_0000),
        0xFF => float.NaN,
        _ => BitConverter.UInt32BitsToSingle((uint)bits << 23),
    };

    private static float[] Table(int exponentBits, int bias, bool isFinite)
    {
        var mantissaBits = 7 - exponentBits;
        var (largestExponent, largestMantissa) = ((1 << exponentBits) - 1, (1 << mantissaBits) - 1);
        var table = new float[256];
        for (var bits = 0; bits < table.Length; bits++)
        {
            var (exponent, mantissa) = (bits >> mantissaBits & largestExponent, bits & largestMantissa);
            var fraction = mantissa / (float)(1 << mantissaBits);
            var magnitude = exponent == largestExponent && (!isFinite || mantissa == largestMantissa)
                ? (isFinite || mantissa != 0 ? float.NaN : float.PositiveInfinity)
                : exponent == 0 ? MathF.ScaleB(fraction, 1 - bias) : MathF.ScaleB(1 + fraction, exponent - bias);
            table[bits] = bits < 128 ? magnitude : -magnitude;
        }
        return table;
    }
}
