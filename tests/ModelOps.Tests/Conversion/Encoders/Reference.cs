using System.Buffers.Binary;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// The arithmetic of transformers in double precision, straight from the papers, over a checkpoint's own tensors by the library's names:
/// what the engine computes from our file is judged by it. Texts are [tokens][width].
/// </summary>
internal sealed class Reference(TinyCheckpoint checkpoint)
{
    /// <summary>A tensor's weights, row-major; null when the checkpoint has none of that name.</summary>
    public double[]? Find(string name)
    {
        if (!checkpoint.Tensors.TryGetValue(name, out var tensor))
            return null;
        var values = new double[tensor.Shape.Aggregate(1L, (product, length) => product * length)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = tensor.Type switch
            {
                "F32" => BinaryPrimitives.ReadSingleLittleEndian(tensor.Data.AsSpan(i * 4)),
                "F16" => (double)BinaryPrimitives.ReadHalfLittleEndian(tensor.Data.AsSpan(i * 2)),
                _ => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(tensor.Data.AsSpan(i * 2)) << 16),
            };
        }
        return values;
    }

    /// <summary>A row of a matrix, such as a token's embedding.</summary>
    public double[] Row(string name, int row)
    {
        var width = (int)checkpoint.Tensors[name].Shape[1];
        return Find(name)![(row * width)..((row + 1) * width)];
    }

    /// <summary>W x + b for each token; no bias where the checkpoint has none.</summary>
    public double[][] Linear(double[][] text, string name)
    {
        var (weight, bias) = (Find($"{name}.weight")!, Find($"{name}.bias"));
        var inputs = text[0].Length;
        return Each(text, x => [.. Enumerable.Range(0, weight.Length / inputs).Select(row => (bias?[row] ?? 0) + x.Select((value, i) => value * weight[(row * inputs) + i]).Sum())]);
    }

    public double[][] LayerNorm(double[][] text, string name, double epsilon)
    {
        var (weight, bias) = (Find($"{name}.weight")!, Find($"{name}.bias"));
        return Each(text, x =>
        {
            var mean = x.Average();
            var deviation = Math.Sqrt(x.Average(value => (value - mean) * (value - mean)) + epsilon);
            return [.. x.Select((value, i) => ((value - mean) / deviation * weight[i]) + (bias?[i] ?? 0))];
        });
    }

    /// <param name="text">[tokens][width].</param>
    /// <param name="name">Name of the weights.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="shift">What the library adds to the weights.</param>
    public double[][] RmsNorm(double[][] text, string name, double epsilon, double shift = 0)
    {
        var weight = Find($"{name}.weight")!;
        return Each(text, x =>
        {
            var scale = 1 / Math.Sqrt(x.Average(value => value * value) + epsilon);
            return [.. x.Select((value, i) => value * scale * (weight[i] + shift))];
        });
    }

    /// <summary>The same for each head by itself; the weights are those of one.</summary>
    public double[][] HeadNorm(double[][] text, string name, double epsilon, double shift)
    {
        var length = Find($"{name}.weight")!.Length;
        return Each(text, x => [.. RmsNorm([.. x.Chunk(length)], name, epsilon, shift).SelectMany(head => head)]);
    }

    public static double[][] Each(double[][] text, Func<double[], double[]> map) => [.. text.Select(map)];

    public static double[][] Activate(double[][] text, Func<double, double> function) => Each(text, x => [.. x.Select(function)]);

    public static double[][] Add(double[][] left, double[][] right) => [.. left.Zip(right, (x, y) => x.Zip(y, (a, b) => a + b).ToArray())];

    public static double[][] Times(double[][] left, double[][] right) => [.. left.Zip(right, (x, y) => x.Zip(y, (a, b) => a * b).ToArray())];

    /// <summary>Columns from <paramref name="first"/> on.</summary>
    public static double[][] Columns(double[][] text, int first, int count) => Each(text, x => x[first..(first + count)]);

    /// <summary>
    /// Softmax(q·k·scale + bias)·v by heads; a query sees the keys that <paramref name="sees"/> says.
    /// </summary>
    public static double[][] Attention(double[][] q, double[][] k, double[][] v, int heads, double scale, Func<int, int, bool>? sees = null, Func<int, int, int, double>? bias = null)
    {
        var length = q[0].Length / heads;
        var groups = heads / (k[0].Length / length);
        var result = q.Select(_ => new double[heads * length]).ToArray();
        for (var head = 0; head < heads; head++)
        {
            var (at, shared) = (head * length, head / groups * length);
            for (var i = 0; i < q.Length; i++)
            {
                var scores = k.Select((key, j) => sees is not null && !sees(i, j) ? double.NegativeInfinity
                    : (Enumerable.Range(0, length).Sum(d => q[i][at + d] * key[shared + d]) * scale) + (bias?.Invoke(head, i, j) ?? 0)).ToArray();
                var most = scores.Max();
                var weights = scores.Select(score => Math.Exp(score - most)).ToArray();
                var sum = weights.Sum();
                for (var d = 0; d < length; d++)
                    result[i][at + d] = weights.Select((weight, j) => weight / sum * v[j][shared + d]).Sum();
            }
        }
        return result;
    }

    /// <summary>Rotary positions, the halves of a head being the parts of its pairs.</summary>
    public static double[][] Rotate(double[][] text, int heads, double theta) => [.. text.Select((x, position) =>
    {
        var (result, length) = ((double[])x.Clone(), x.Length / heads);
        for (var head = 0; head < heads; head++)
        {
            for (var pair = 0; pair < length / 2; pair++)
            {
                var (first, second) = ((head * length) + pair, (head * length) + pair + (length / 2));
                var (sin, cos) = Math.SinCos(position * Math.Pow(theta, -2.0 * pair / length));
                (result[first], result[second]) = ((x[first] * cos) - (x[second] * sin), (x[second] * cos) + (x[first] * sin));
            }
        }
        return result;
    })];

    /// <summary>x Φ(x), Φ being the normal distribution.</summary>
    public static double Gelu(double x)
    {
        // The series of the error function; the arguments are small.
        var (z, term, sum) = (x / Math.Sqrt(2), x / Math.Sqrt(2), x / Math.Sqrt(2));
        for (var n = 1; n < 200; n++)
        {
            term *= -z * z / n;
            sum += term / ((2 * n) + 1);
        }
        return Math.Abs(z) > 5 ? Math.Max(x, 0) : x * 0.5 * (1 + (2 / Math.Sqrt(Math.PI) * sum));
    }

    public static double GeluTanh(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    public static double Silu(double x) => x / (1 + Math.Exp(-x));

    public static double Relu(double x) => Math.Max(x, 0);
}
