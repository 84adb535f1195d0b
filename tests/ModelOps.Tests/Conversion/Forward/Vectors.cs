namespace ModelOps.Tests.Conversion.Forward;

/// <summary>The arithmetic of a forward pass, in plain loops.</summary>
internal static class Vectors
{
    /// <summary>W·x for a matrix [rows, x.Length], from <paramref name="offset"/> on in <paramref name="matrix"/>; plus a bias.</summary>
    public static float[] Multiply(float[] matrix, float[] x, int rows, int offset = 0, float[]? bias = null)
    {
        var result = new float[rows];
        for (var row = 0; row < rows; row++)
        {
            double sum = bias?[row] ?? 0;
            for (var i = 0; i < x.Length; i++)
                sum += (double)matrix[offset + (row * x.Length) + i] * x[i];
            result[row] = (float)sum;
        }
        return result;
    }

    /// <summary>Root mean square norm with weights <c>w + shift</c>.</summary>
    public static float[] Normalize(ReadOnlySpan<float> x, float[] weight, float epsilon, float shift)
    {
        var squares = 0.0;
        foreach (var value in x)
            squares += (double)value * value;
        var scale = 1 / Math.Sqrt((squares / x.Length) + epsilon);
        var result = new float[x.Length];
        for (var i = 0; i < x.Length; i++)
            result[i] = (float)(x[i] * scale * (weight[i] + shift));
        return result;
    }

    /// <summary>x / |x|, in place.</summary>
    public static void MakeUnit(Span<float> x)
    {
        var squares = 1e-6;
        foreach (var value in x)
            squares += (double)value * value;
        foreach (ref var value in x)
            value = (float)(value / Math.Sqrt(squares));
    }

    public static double[] Softmax(IReadOnlyList<double> values)
    {
        var most = values.Max();
        var powers = values.Select(value => Math.Exp(value - most)).ToArray();
        var sum = powers.Sum();
        return [.. powers.Select(power => power / sum)];
    }

    public static float Sigmoid(float x) => (float)(1 / (1 + Math.Exp(-x)));

    public static float Silu(float x) => x * Sigmoid(x);

    public static void Add(float[] target, float[] addend, float factor = 1)
    {
        for (var i = 0; i < target.Length; i++)
            target[i] += factor * addend[i];
    }
}
