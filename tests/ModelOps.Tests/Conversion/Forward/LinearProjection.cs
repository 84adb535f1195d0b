using static ModelOps.Tests.Conversion.Forward.Vectors;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>What linear attention makes of one token first.</summary>
/// <param name="QueryKeyValue">All queries, then all keys, then all values.</param>
/// <param name="Gate">Gates of the value heads' outputs.</param>
/// <param name="A">What decays the state, by value head.</param>
/// <param name="B">How much is learned, by value head.</param>
internal sealed record LinearProjection(float[] QueryKeyValue, float[] Gate, float[] A, float[] B)
{
    public static LinearProjection Of(QwenSettings s, QwenCheckpoint weights, float[] x, string at)
    {
        if (!s.IsNext)
        {
            return new LinearProjection(
                Multiply(weights.Get(at + "in_proj_qkv.weight"), x, (2 * s.Keys) + s.Values),
                Multiply(weights.Get(at + "in_proj_z.weight"), x, s.Values),
                Multiply(weights.Get(at + "in_proj_a.weight"), x, s.ValueHeads),
                Multiply(weights.Get(at + "in_proj_b.weight"), x, s.ValueHeads));
        }
        // One tensor for each pair: of each key head the query, the key, its values, their gates; and its betas, its alphas.
        var (length, ratio) = (s.LinearLength, s.ValueHeads / s.KeyHeads);
        var mixed = Multiply(weights.Get(at + "in_proj_qkvz.weight"), x, 2 * (s.Keys + s.Values));
        var rates = Multiply(weights.Get(at + "in_proj_ba.weight"), x, 2 * s.ValueHeads);
        var (queries, keys, values, gates, a, b) = (new List<float>(), new List<float>(), new List<float>(), new List<float>(), new List<float>(), new List<float>());
        for (var head = 0; head < s.KeyHeads; head++)
        {
            var part = mixed.AsSpan(head * 2 * (length + (ratio * length)));
            queries.AddRange(part[..length]);
            keys.AddRange(part.Slice(length, length));
            values.AddRange(part.Slice(2 * length, ratio * length));
            gates.AddRange(part.Slice((2 + ratio) * length, ratio * length));
            b.AddRange(rates.AsSpan(head * 2 * ratio, ratio));
            a.AddRange(rates.AsSpan((head * 2 * ratio) + ratio, ratio));
        }
        return new LinearProjection([.. queries, .. keys, .. values], [.. gates], [.. a], [.. b]);
    }
}
