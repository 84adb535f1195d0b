namespace ModelOps.Conversion;

/// <summary>
/// Gemma 3n's sparsity as a number of standard deviations: the normal distribution's quantile, by torch's steps and in its F32, so that
/// the bits are those of llama.cpp's converter.
/// </summary>
internal static class ActivationSparsity
{
    /// <summary>Beyond it torch starts from another approximation.</summary>
    private const float CentralRange = 0.7f;

    private static readonly float[] A = [0.886226899f, -1.645349621f, 0.914624893f, -0.140543331f];
    private static readonly float[] B = [1, -2.118377725f, 1.442710462f, -0.329097515f, 0.012229801f];
    private static readonly float[] C = [-1.970840454f, -1.624906493f, 3.429567803f, 1.641345311f];
    private static readonly float[] D = [1, 3.543889200f, 1.637067800f];

    /// <summary>How many standard deviations above the mean a part of <paramref name="sparsity"/> lies below; −∞ for none.</summary>
    public static float Deviations(double sparsity) => InverseErf((2 * (float)sparsity) - 1) * (float)Math.Sqrt(2);

    private static float InverseErf(float y)
    {
        var size = MathF.Abs(y);
        if (size >= 1)
            return y / 0;
        float x;
        if (size <= CentralRange)
        {
            var z = y * y;
            x = y * Polynomial(A, z) / Polynomial(B, z);
        }
        else
        {
            var z = MathF.Sqrt(-MathF.Log((1 - size) / 2));
            x = MathF.CopySign(Polynomial(C, z), y) / Polynomial(D, z);
        }
        // Two of Newton's steps.
        var slope = 2 / (float)Math.Sqrt(Math.PI);
        for (var step = 0; step < 2; step++)
            x -= ((float)Erf(x) - y) / (slope * MathF.Exp(-(x * x)));
        return x;
    }

    private static float Polynomial(float[] coefficients, float z)
    {
        var sum = coefficients[^1];
        for (var i = coefficients.Length - 2; i >= 0; i--)
            sum = (sum * z) + coefficients[i];
        return sum;
    }

    /// <summary>The error function by a series whose terms all have one sign.</summary>
    private static double Erf(double x)
    {
        var (term, sum) = (x, x);
        for (var n = 1; Math.Abs(term) > Math.Abs(sum) * 1e-17; n++)
            sum += term *= 2 * x * x / ((2 * n) + 1);
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
