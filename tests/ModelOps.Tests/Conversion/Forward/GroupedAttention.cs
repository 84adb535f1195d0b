namespace ModelOps.Tests.Conversion.Forward;

/// <summary>Attention with grouped queries (Ainslie et al. 2023) over one layer's tokens, as decoders have it.</summary>
internal sealed class GroupedAttention
{
    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadLength { get; init; }

    /// <summary>What turns a head's query or key at a position; nothing where there are no positions.</summary>
    public Func<double[], int, double[]> Rotate { get; init; } = (head, _) => head;

    /// <summary>What is done to a head's query before; the key's is <see cref="NormKey"/>.</summary>
    public Func<double[], double[]> NormQuery { get; init; } = head => head;

    public Func<double[], double[]> NormKey { get; init; } = head => head;

    public double? Scale { get; init; }

    /// <summary>Heads' outputs side by side, one vector a token.</summary>
    public double[][] Run(double[][] queries, double[][] keys, double[][] values)
    {
        var scale = Scale ?? (1 / Math.Sqrt(HeadLength));
        var result = new double[queries.Length][];
        var turned = keys.Select((key, position) => Enumerable.Range(0, KeyValueHeads).Select(head => Rotate(NormKey(Layers.Head(key, head, HeadLength)), position)).ToArray()).ToArray();
        for (var token = 0; token < queries.Length; token++)
        {
            result[token] = [.. Enumerable.Range(0, Heads).SelectMany(head =>
            {
                var shared = head / (Heads / KeyValueHeads);
                var query = Rotate(NormQuery(Layers.Head(queries[token], head, HeadLength)), token);
                return Layers.Attend(query, [.. turned.Take(token + 1).Select(key => key[shared])], [.. values.Take(token + 1).Select(value => Layers.Head(value, shared, HeadLength))], scale);
            })];
        }
        return result;
    }
}
