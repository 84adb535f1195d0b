using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace ModelOps.Fit.Graph;

/// <summary>What the engine's graph of a model depends on beyond <see cref="ModelShape"/>: which weights each layer has, and a few figures.</summary>
internal sealed class GraphShape
{
    // So often the same two kinds of layers follow each other in the graph that is allocated: the free memory's shape repeats by then.
    private const int Repetitions = 3;
    private const int LongestRound = 6;

    // Of each computed layer the first one that is like it.
    private readonly int[] _likes;
    private readonly bool _repeats;

    private GraphShape(LayerTensors[] layers, int[] likes, HeaderFigures figures, bool usesLayerNorm)
    {
        IsKnown = GraphTraits.Knows(figures.Architecture) && Array.TrueForAll(likes, layer => layers[layer] != LayerTensors.None);
        Layers = layers;
        _likes = likes;
        _repeats = Repeats(likes);
        UsesLayerNorm = usesLayerNorm;
        Rotated = figures.Find("rope.dimension_count") ?? 0;
        LatentRank = figures.Find("attention.kv_lora_rank") ?? 0;
        LatentKeyLength = figures.Find("attention.key_length_mla") ?? 0;
        LatentValueLength = figures.Find("attention.value_length_mla") ?? 0;
        ExpertGroups = figures.Find("expert_group_count") ?? 0;
        ExpertGroupsUsed = figures.Find("expert_group_used_count") ?? 0;
        StateHeads = figures.Find("ssm.time_step_rank") ?? 0;
        StateGroups = figures.Find("ssm.group_count") ?? 0;
        StateSize = figures.Find("ssm.state_size") ?? 0;
        StateInner = figures.Find("ssm.inner_size") ?? 0;
        Convolution = figures.Find("ssm.conv_kernel") ?? figures.Find("shortconv.l_cache") ?? 0;
        // Only Granite's hybrids leave rotation out by this key.
        RotatesPositions = figures.Architecture != "granitehybrid" || figures.Find("rope.scaling.finetuned") != 0;
        LayerEmbedding = figures.Find("embedding_length_per_layer_input") ?? 0;
    }

    /// <summary>Whether the engine's graph of the architecture is known.</summary>
    public bool IsKnown { get; }
    /// <summary>Weights of each layer.</summary>
    public IReadOnlyList<LayerTensors> Layers { get; }
    /// <summary>Whether activations are centred before they are scaled; <c>NORM</c> is not done in place, <c>RMS_NORM</c> is.</summary>
    public bool UsesLayerNorm { get; }
    public int Rotated { get; }
    public int LatentRank { get; }
    public int LatentKeyLength { get; }
    public int LatentValueLength { get; }
    public int ExpertGroups { get; }
    public int ExpertGroupsUsed { get; }
    public int StateHeads { get; }
    public int StateGroups { get; }
    public int StateSize { get; }
    public int StateInner { get; }
    public int Convolution { get; }
    public int LayerEmbedding { get; }
    public bool RotatesPositions { get; }

    /// <summary>Reads it from a header; <paramref name="kinds"/> tells layers apart that do not differ in their weights.</summary>
    public static GraphShape Read(HeaderFigures figures, IReadOnlyList<GgufTensor> tensors, int computedLayers, Func<int, object> kinds)
    {
        var byLayer = new Dictionary<string, long[]>?[figures.Layers];
        var sizes = new Dictionary<string, long>?[figures.Layers];
        foreach (var tensor in tensors)
        {
            if (!tensor.Name.StartsWith("blk.", StringComparison.Ordinal))
            {
                continue;
            }
            var end = tensor.Name.IndexOf('.', 4);
            if (end > 0 && int.TryParse(tensor.Name.AsSpan(4, end - 4), NumberStyles.None, CultureInfo.InvariantCulture, out var layer) && layer < byLayer.Length)
            {
                (byLayer[layer] ??= new(StringComparer.Ordinal))[tensor.Name[(end + 1)..]] = [.. tensor.Shape];
                (sizes[layer] ??= new(StringComparer.Ordinal))[tensor.Name[(end + 1)..]] = tensor.Bytes;
            }
        }
        var known = new Dictionary<string, LayerTensors>(StringComparer.Ordinal);
        var layers = new LayerTensors[figures.Layers];
        for (var layer = 0; layer < layers.Length; layer++)
        {
            if (byLayer[layer] is not { } shapes)
            {
                layers[layer] = LayerTensors.None;
                continue;
            }
            var signature = Signature(shapes);
            if (!known.TryGetValue(signature, out var same))
            {
                known[signature] = same = new LayerTensors(shapes, new(StringComparer.Ordinal));
            }
            same.Widen(sizes[layer]!);
            layers[layer] = same;
        }
        return new GraphShape(layers, Likes(computedLayers, layer => (layers[layer], kinds(layer))), figures, figures.Has("attention.layer_norm_epsilon") && !figures.Has("attention.layer_norm_rms_epsilon"));
    }

    /// <summary>
    /// Layers that stand for all, with their devices: a graph of them takes as much memory as one of all. After the third time that two kinds follow each
    /// other nothing new happens.
    /// </summary>
    /// <param name="encode">A layer of a kind, the number of the layer it stands for, with its devices.</param>
    /// <param name="copiesWeights">Whether weights are copied from the host: pieces of many sizes then break up the memory for longer, and all layers are given.</param>
    public int[] Represent(Func<int, int, int> encode, bool copiesWeights)
    {
        var codes = new int[_likes.Length];
        for (var layer = 0; layer < codes.Length; layer++)
        {
            codes[layer] = encode(_likes[layer], layer);
        }
        if (!_repeats || copiesWeights)
        {
            return codes;
        }
        Span<(int Before, int Code, int Count)> seen = stackalloc (int, int, int)[64];
        var (pairs, kept) = (0, 0);
        var before = -1;
        for (var layer = 0; layer < codes.Length; layer++)
        {
            var code = codes[layer];
            var pair = 0;
            while (pair < pairs && (seen[pair].Before != before || seen[pair].Code != code))
            {
                pair++;
            }
            if (pair == pairs && pairs < seen.Length)
            {
                seen[pairs++] = (before, code, 0);
            }
            // With more kinds of neighbours than there is room for, all are kept.
            if (pair == seen.Length || seen[pair].Count++ < Repetitions || layer >= codes.Length - 2)
            {
                codes[kept++] = code;
            }
            before = code;
        }
        return codes[..kept];
    }

    private static int[] Likes(int computedLayers, Func<int, object> kind)
    {
        var first = new Dictionary<object, int>();
        var likes = new int[computedLayers];
        for (var layer = 0; layer < likes.Length; layer++)
        {
            ref var like = ref CollectionsMarshal.GetValueRefOrAddDefault(first, kind(layer), out var isKnown);
            like = isKnown ? like : layer;
            likes[layer] = like;
        }
        return likes;
    }

    /// <summary>Whether layers are alike but for a few at the ends, or come in a short round.</summary>
    private static bool Repeats(int[] kinds)
    {
        var changes = 0;
        for (var layer = 1; layer < kinds.Length; layer++)
        {
            changes += kinds[layer] == kinds[layer - 1] ? 0 : 1;
        }
        if (changes <= 2)
        {
            return true;
        }
        for (var period = 2; period <= LongestRound; period++)
        {
            if (kinds.AsSpan(period).SequenceEqual(kinds.AsSpan(0, kinds.Length - period)))
            {
                return true;
            }
        }
        return false;
    }

    private static string Signature(Dictionary<string, long[]> shapes)
    {
        var text = new StringBuilder();
        foreach (var (name, shape) in shapes.OrderBy(shape => shape.Key, StringComparer.Ordinal))
        {
            text.Append(name);
            foreach (var count in shape)
            {
                text.Append(',').Append(count);
            }
            text.Append(';');
        }
        return text.ToString();
    }
}
