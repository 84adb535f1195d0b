namespace ModelOps.Tests.Conversion.Forward;

/// <summary>A Mamba 2 mixer (Dao and Gu 2024, arXiv 2405.21060) with one group of B and C, as the recurrence over tokens that it is.</summary>
internal sealed class ReferenceMamba2(ReferenceWeights weights)
{
    public required int Heads { get; init; }

    /// <summary>Width inside: of all heads.</summary>
    public required int Inner { get; init; }

    public required int State { get; init; }

    public required int Kernel { get; init; }

    public required double Epsilon { get; init; }

    public double[][] Run(string name, double[][] stream)
    {
        var (hidden, channels, length) = (stream[0].Length, Inner + (2 * State), Inner / Heads);
        var projected = Array.ConvertAll(stream, x => Layers.Linear(weights.Get($"{name}.in_proj.weight", Inner + channels + Heads, hidden), x));
        var bias = weights.GetVector($"{name}.dt_bias", Heads, 0, 0.5);
        var decay = Array.ConvertAll(weights.GetVector($"{name}.A_log", Heads, 0.3, 0.4), a => -Math.Exp(a));
        var skip = weights.GetVector($"{name}.D", Heads, 1, 0.3);
        var state = new double[Heads, length, State];
        return [.. projected.Select((row, token) =>
        {
            var mixed = Convolve(name, projected, token, channels);
            var (b, c) = (mixed[Inner..(Inner + State)], mixed[(Inner + State)..]);
            var output = new double[Inner];
            for (var head = 0; head < Heads; head++)
            {
                var step = Layers.Softplus(row[Inner + channels + head] + bias[head]);
                var kept = Math.Exp(step * decay[head]);
                for (var i = 0; i < length; i++)
                {
                    var x = mixed[(head * length) + i];
                    for (var n = 0; n < State; n++)
                    {
                        state[head, i, n] = (state[head, i, n] * kept) + (step * x * b[n]);
                        output[(head * length) + i] += state[head, i, n] * c[n];
                    }
                    output[(head * length) + i] += skip[head] * x;
                }
            }
            var gated = Layers.Multiply(output, Array.ConvertAll(row[..Inner], Layers.Silu));
            return Layers.Linear(weights.Get($"{name}.out_proj.weight", hidden, Inner), Layers.RmsNorm(gated, weights.Get($"{name}.norm.weight", Inner), Epsilon));
        })];
    }

    /// <summary>The channels of one token, of it and the few before.</summary>
    private double[] Convolve(string name, double[][] projected, int token, int channels)
    {
        var (kernel, bias) = (weights.Get($"{name}.conv1d.weight", channels, 1, Kernel), weights.GetVector($"{name}.conv1d.bias", channels, 0, 0.3));
        var result = new double[channels];
        for (var channel = 0; channel < channels; channel++)
        {
            var sum = bias[channel];
            for (var tap = Math.Max(0, Kernel - 1 - token); tap < Kernel; tap++)
                sum += kernel[(channel * Kernel) + tap] * projected[token - Kernel + 1 + tap][Inner + channel];
            result[channel] = Layers.Silu(sum);
        }
        return result;
    }
}
