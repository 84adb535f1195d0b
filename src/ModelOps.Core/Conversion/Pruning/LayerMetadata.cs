namespace ModelOps.Conversion;

/// <summary>What a model's metadata says of its layers, said of those that stay.</summary>
/// <param name="architecture">GGUF architecture.</param>
/// <param name="metadata">Metadata of the whole model.</param>
/// <param name="layers">Number of its layers.</param>
/// <param name="kept">Numbers of those that stay, in order.</param>
internal sealed class LayerMetadata(string architecture, GgufMetadata metadata, int layers, IReadOnlyList<int> kept)
{
    /// <summary>Arrays that are of something else, however many layers there are.</summary>
    private static readonly string[] OtherArrays = ["rope.dimension_sections", "classifier.output_labels", "target_layers"];

    /// <summary>Layers without those that predict further tokens, which are the last and which some arrays leave out.</summary>
    private long Trunk => layers - (Find("nextn_predict_layers") ?? 0);

    /// <summary>The keys with other values.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when the engine would take what stays for another model.</exception>
    public Dictionary<string, object> Changes()
    {
        var changes = new Dictionary<string, object>(StringComparer.Ordinal);
        RequireEqualLayers();
        RequireSameCount();
        foreach (var (key, value) in metadata)
        {
            if (value is Array array && key.StartsWith(architecture + ".", StringComparison.Ordinal) && !OtherArrays.Contains(key[(architecture.Length + 1)..]) && Pruned(array) is { } left)
                changes.Add(key, left);
        }
        // The first layers are of another kind, or the last.
        foreach (var name in new[] { "leading_dense_block_count", "hash_layer_count" })
            Count(name, first: true);
        foreach (var name in new[] { "nextn_predict_layers", "attention.shared_kv_layers" })
            Count(name, first: false);
        RequireShared();
        foreach (var turn in LayerTurn.Of(architecture))
            Keep(turn, changes);
        return changes;

        void Count(string name, bool first)
        {
            if (Find(name) is not { } count)
                return;
            var left = (uint)kept.Count(layer => first ? layer < count : layer >= layers - count);
            if (left != count)
                changes.Add(Key(name), left);
        }
    }

    /// <summary>The numbers of the layers that stay, of an array with one for each; null for another array.</summary>
    private Array? Pruned(Array array)
    {
        if (array.Length != layers && array.Length != Trunk)
            return null;
        var indices = kept.Where(layer => layer < array.Length).ToList();
        var left = Array.CreateInstance(array.GetType().GetElementType()!, indices.Count);
        for (var i = 0; i < indices.Count; i++)
            left.SetValue(array.GetValue(indices[i]), i);
        // With and without a window, or a recurrence: the file has tensors, and the engine has state, for both.
        if (array is bool[] kinds && left is bool[] leftKinds && kinds.Distinct().Count() > leftKinds.Distinct().Count())
            throw Refused("has layers of two kinds, of which one would be gone");
        return left;
    }

    private void Keep(LayerTurn turn, Dictionary<string, object> changes)
    {
        if (turn.Period(name => metadata.GetValueOrDefault(Key(name))) is not { } period)
            return;
        var trunk = kept.TakeWhile(layer => layer < Trunk).ToList();
        var moved = trunk.FindIndex(layer => turn.IsSpecial(layer, period) != turn.IsSpecial(trunk.IndexOf(layer), period));
        if (turn.NeedsOne && layers >= period && trunk.Count < period)
            throw Refused($"needs one layer in {period} that is computed in another way");
        if (moved < 0)
            return;
        // An array says of each what it is, where the engine reads one.
        if (turn.ArrayKey is { } key)
        {
            changes.Add(Key(key), kept.Select(layer => layer < Trunk && !turn.IsSpecial(layer, period)).ToArray());
            return;
        }
        throw new ModelOpsException(
            ErrorKind.InvalidArgument,
            $"Layer {trunk[moved]} would become layer {moved}, and llama.cpp goes by the number: for {architecture} it computes one of each {period} layers in another way.",
            $"Prune so that those that stay keep their turn: {period} layers in a row, or as many as follow the last that stays.");
    }

    private void RequireEqualLayers()
    {
        if (Find("embedding_length_per_layer_input") > 0 || architecture is "gemma3n")
            throw Refused("has tables with columns for each layer, and llama.cpp counts on all of them");
        if (architecture == "modern-bert" && kept[0] != 0)
            throw Refused("has a first layer without a norm before attention, which must stay");
        if (Find("rescale_every_n_layers") > 0)
            throw Refused("has weights that are scaled by the number of their layer");
    }

    /// <summary>A few architectures are computed by how many layers they have.</summary>
    private void RequireSameCount()
    {
        int[] counts = architecture switch
        {
            "baichuan" => [32, 40],
            "deepseek2" => [26, 27, 47, 48],
            "exaone4" => [64],
            "gemma2" => [46],
            "gemma3" => [62],
            "llama4" => [48],
            _ => [],
        };
        if (kept.Count != layers && (counts.Contains(layers) || counts.Contains(kept.Count)))
            throw Refused($"is computed in another way when it has {(counts.Contains(layers) ? layers : kept.Count)} layers");
    }

    /// <summary>The last layers take keys and values of the two before them.</summary>
    private void RequireShared()
    {
        var sharing = Find("attention.shared_kv_layers") ?? 0;
        var first = layers - sharing;
        if (sharing > 0 && kept.Any(layer => layer >= first) && !(kept.Contains((int)first - 1) && kept.Contains((int)first - 2)))
            throw Refused($"has {sharing} layers that take keys and values of layers {first - 2} and {first - 1}, which must stay");
    }

    private long? Find(string name) => metadata.FindInteger(Key(name));

    private string Key(string name) => $"{architecture}.{name}";

    private ModelOpsException Refused(string reason) => new(ErrorKind.InvalidArgument, $"The model cannot be pruned so: {architecture} {reason}.", "Prune other layers where that helps, or none.");
}
