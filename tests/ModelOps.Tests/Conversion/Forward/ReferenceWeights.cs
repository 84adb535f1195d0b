using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>
/// Weights of a tiny checkpoint by the library's names: drawn at random when first asked for, so that a forward pass, run before the
/// checkpoint is saved, makes just the tensors that it uses.
/// </summary>
internal sealed class ReferenceWeights(TinyCheckpoint checkpoint, int seed)
{
    private readonly Random _random = new(seed);
    private readonly Dictionary<string, double[]> _known = new(StringComparer.Ordinal);

    /// <summary>A tensor, [out, in]. Its weights are of a size that keeps a stream's: about one over the root of a row's length.</summary>
    public double[] Get(string name, params long[] shape)
    {
        if (!_known.TryGetValue(name, out var values))
            _known.Add(name, values = Draw(name, shape, shape.Length == 1 ? 0.3 : 1 / Math.Sqrt(shape[^1]), shape.Length == 1 ? 1 : 0));
        return values;
    }

    /// <summary>A vector about a mean, such as a bias.</summary>
    public double[] GetVector(string name, long length, double mean, double spread)
    {
        if (!_known.TryGetValue(name, out var values))
            _known.Add(name, values = Draw(name, [length], spread, mean));
        return values;
    }

    /// <summary>The same weights under another name and shape, in another order.</summary>
    public void Store(string name, IEnumerable<double> values, params long[] shape)
        => checkpoint.Tensors[name] = new TinyCheckpoint.Tensor("F32", shape, MemoryMarshal.AsBytes<float>(values.Select(value => (float)value).ToArray()).ToArray());

    private double[] Draw(string name, long[] shape, double spread, double mean)
    {
        var data = new byte[shape.Aggregate(1L, (product, length) => product * length) * sizeof(float)];
        var values = new double[data.Length / sizeof(float)];
        for (var i = 0; i < values.Length; i++)
        {
            // Uniform: what is tested does not care.
            var value = (float)(mean + (spread * Math.Sqrt(3) * ((2 * _random.NextDouble()) - 1)));
            BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(i * sizeof(float)), value);
            values[i] = value;
        }
        checkpoint.Tensors[name] = new TinyCheckpoint.Tensor("F32", shape, data);
        return values;
    }
}
