namespace ModelOps.Tests.Conversion.Forward;

/// <summary>
/// The layers that models are made of, by their papers' formulas, in F64 and without haste. A sequence is an array of vectors, one a token.
/// </summary>
internal static class Layers
{
    /// <summary>W · x, W [out, in] row by row.</summary>
    public static double[] Linear(double[] weights, double[] x)
        => [.. Enumerable.Range(0, weights.Length / x.Length).Select(row => Dot(weights.AsSpan(row * x.Length, x.Length), x))];

    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    public static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (left, right) => left + right)];

    public static double[] Scale(double[] a, double factor) => [.. a.Select(value => value * factor)];

    public static double[] Multiply(double[] a, double[] b) => [.. a.Zip(b, (left, right) => left * right)];

    /// <summary>Root-mean-square norm (Zhang and Sennrich 2019).</summary>
    public static double[] RmsNorm(double[] x, double[] weight, double epsilon)
    {
        var scale = 1 / Math.Sqrt(x.Average(value => value * value) + epsilon);
        return [.. x.Select((value, i) => value * scale * weight[i])];
    }

    /// <summary>Layer norm (Ba et al. 2016); no bias where there is none.</summary>
    public static double[] LayerNorm(double[] x, double[] weight, double[]? bias, double epsilon)
    {
        var mean = x.Average();
        var scale = 1 / Math.Sqrt(x.Average(value => (value - mean) * (value - mean)) + epsilon);
        return [.. x.Select((value, i) => ((value - mean) * scale * weight[i]) + (bias?[i] ?? 0))];
    }

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static double Silu(double x) => x * Sigmoid(x);

    public static double Softplus(double x) => Math.Log(1 + Math.Exp(x));

    public static double SquaredRelu(double x) => x > 0 ? x * x : 0;

    /// <summary>The tanh approximation (Hendrycks and Gimpel 2016).</summary>
    public static double Gelu(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    public static double[] Softmax(double[] scores)
    {
        var largest = scores.Max();
        var powers = Array.ConvertAll(scores, score => Math.Exp(score - largest));
        return Scale(powers, 1 / powers.Sum());
    }

    /// <summary>A gated network: down · (act(gate · x) ∘ up · x).</summary>
    public static double[] Gated(double[] gate, double[] up, double[] down, double[] x, Func<double, double> activation)
        => Linear(down, Multiply(Array.ConvertAll(Linear(gate, x), value => activation(value)), Linear(up, x)));

    /// <summary>
    /// Rotary positions (Su et al. 2021) of the first <paramref name="rotated"/> dimensions: neighbours are pairs, or the halves' dimensions
    /// are.
    /// </summary>
    public static double[] Rotate(double[] head, int position, double theta, int rotated, bool neighbours, Func<int, double>? frequency = null)
    {
        var result = (double[])head.Clone();
        for (var pair = 0; pair < rotated / 2; pair++)
        {
            var angle = position * (frequency?.Invoke(pair) ?? Math.Pow(theta, -2.0 * pair / rotated));
            var (first, second) = neighbours ? (2 * pair, (2 * pair) + 1) : (pair, pair + (rotated / 2));
            result[first] = (head[first] * Math.Cos(angle)) - (head[second] * Math.Sin(angle));
            result[second] = (head[first] * Math.Sin(angle)) + (head[second] * Math.Cos(angle));
        }
        return result;
    }

    public static double[] Head(double[] vector, int head, int length) => vector.AsSpan(head * length, length).ToArray();

    /// <summary>
    /// Causal attention of one head (Vaswani et al. 2017): softmax(q · k · scale) · v over the tokens so far; of a window, the last ones only.
    /// </summary>
    public static double[] Attend(double[] query, IReadOnlyList<double[]> keys, IReadOnlyList<double[]> values, double scale, int window = int.MaxValue)
    {
        var first = Math.Max(0, keys.Count - window);
        var weights = Softmax([.. keys.Skip(first).Select(key => Dot(query, key) * scale)]);
        var result = new double[values[0].Length];
        for (var i = 0; i < weights.Length; i++)
            result = Add(result, Scale(values[first + i], weights[i]));
        return result;
    }

    /// <summary>The numbers of the largest scores, largest first.</summary>
    public static int[] Largest(double[] scores, int count) => [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).Take(count)];
}
