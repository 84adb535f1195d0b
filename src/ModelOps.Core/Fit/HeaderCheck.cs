namespace ModelOps.Fit;

/// <summary>
/// Refuses figures of a well-formed header that no model can have: what llama.cpp would answer with GGML_ASSERT (the end of the process), refuse, or
/// silently misread. Mirrors the assertions of load_hparams. Whoever estimates a model and whoever runs it ask here, so that nothing fits that is not run.
/// </summary>
internal sealed class HeaderCheck
{
    /// <summary>The engine works with no more layers (LLAMA_MAX_LAYERS).</summary>
    public const int MaxLayers = 512;

    /// <summary>Nor with more experts (LLAMA_MAX_EXPERTS of the pinned build).</summary>
    public const int MaxExperts = 1024;

    private readonly GgufMetadata _metadata;
    private readonly string _architecture;
    private readonly string _name;

    private HeaderCheck(GgufMetadata metadata, string name) => (_metadata, _architecture, _name) = (metadata, metadata.GetString("general.architecture"), name);

    /// <summary>The figures that sizes are computed from.</summary>
    /// <param name="metadata">Keys and values.</param>
    /// <param name="tensors">Tensors, those of the first shard at least.</param>
    /// <param name="name">What to call the model.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public static void RequireFigures(GgufMetadata metadata, IEnumerable<GgufTensor> tensors, string name)
    {
        var check = new HeaderCheck(metadata, name);
        check.Require(metadata.ContainsKey(check.Key("block_count")), $"its architecture is '{check._architecture}', of which its header has no figures ({check.Key("block_count")} and others)");
        check.Sizes(tensors);
        check.Experts();
        check.FiguresOfLayers();
    }

    /// <summary>That every layer the header counts is there: the engine asks for the tensors of each, whatever a smaller file was cut from.</summary>
    /// <param name="metadata">Keys and values.</param>
    /// <param name="tensors">Tensors of all shards.</param>
    /// <param name="name">What to call the model.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public static void RequireLayers(GgufMetadata metadata, IEnumerable<GgufTensor> tensors, string name)
    {
        var check = new HeaderCheck(metadata, name);
        // Layers that predict further tokens may be left out of a file; the engine does not miss them.
        var layers = metadata.GetInteger(check.Key("block_count")) - (metadata.FindInteger(check.Key("nextn_predict_layers")) ?? 0);
        var present = tensors.Select(tensor => TensorNames.SplitLayer(tensor.Name)?.Layer).OfType<int>().ToHashSet();
        for (var layer = 0; layer < layers; layer++)
        {
            check.Require(present.Contains(layer) || check.IsEmpty(layer), $"{check.Key("block_count")} is {metadata.GetInteger(check.Key("block_count"))}, but the file has no tensor of layer {layer}");
        }
    }

    private void Sizes(IEnumerable<GgufTensor> tensors)
    {
        Between("block_count", 1, MaxLayers);
        Between("embedding_length", 1, 1 << 20);
        Between("context_length", 1, int.MaxValue);
        var scaling = _metadata.FindString(Key("rope.scaling.type"));
        Require(scaling is null or "none" or "linear" or "yarn" or "longrope", $"rope scaling '{scaling}' is unknown");

        foreach (var epsilon in (ReadOnlySpan<string>)["layer_norm_rms_epsilon", "layer_norm_epsilon"])
        {
            Require(_metadata.FindNumber(Key($"attention.{epsilon}")) is null or (>= 0 and <= 1), $"{Key($"attention.{epsilon}")} makes no sense");
        }

        if (_metadata.FindInteger(Key("attention.head_count")) is { } heads)
        {
            // Recurrent models say 0 heads and mean it; per-layer arrays have zeros for layers without attention.
            var attends = tensors.Any(tensor => tensor.Name.Contains(".attn_q", StringComparison.Ordinal) || tensor.Name.Contains(".attn_k", StringComparison.Ordinal));
            Require(heads is >= 0 and <= 1 << 16 && (heads > 0 || !attends), $"{Key("attention.head_count")} is {heads}");
            if (_metadata.FindInteger(Key("attention.head_count_kv")) is { } groups && heads > 0)
            {
                Require(groups > 0 && groups <= heads && heads % groups == 0, $"{heads} heads cannot share {groups} keys and values");
            }
        }
    }

    private void Experts()
    {
        var experts = _metadata.FindInteger(Key("expert_count")) ?? 0;
        var used = _metadata.FindInteger(Key("expert_used_count")) ?? 0;
        if (experts == 1 && _architecture.StartsWith("hunyuan", StringComparison.Ordinal))
        {
            return;
        }
        var groups = _metadata.FindInteger(Key("expert_group_count")) ?? 0;
        var usedGroups = _metadata.FindInteger(Key("expert_group_used_count")) ?? 0;
        Require(groups >= 0 && (groups == 0 || groups < experts) && (groups <= 1 || (experts % groups == 0 && usedGroups > 0 && usedGroups < groups)), $"{usedGroups} of {groups} groups of {experts} experts makes no sense");
        Require(experts is >= 0 and <= MaxExperts && used >= 0 && used <= experts && (experts == 0 || used > 0), $"{used} of {experts} experts makes no sense");
    }

    /// <summary>Figures of layers, one for each: the engine reads them as unsigned numbers of 32 bits, whatever they are.</summary>
    private void FiguresOfLayers()
    {
        foreach (var key in (ReadOnlySpan<string>)["attention.head_count", "attention.head_count_kv", "feed_forward_length"])
        {
            if (_metadata.TryGetValue(Key(key), out var value) && value is Array figures)
            {
                Require(figures.Cast<object>().All(figure => GgufMetadata.Integer(figure) is >= 0 and <= 1 << 28), $"{Key(key)} holds what are no numbers of a layer");
            }
        }
    }

    /// <summary>Whether the header itself says that a layer has neither attention nor a feed-forward network (Nemotron 51B's pruned ones).</summary>
    private bool IsEmpty(int layer) => IsZero("attention.head_count", layer) && IsZero("feed_forward_length", layer);

    private bool IsZero(string key, int layer)
        => _metadata.TryGetValue(Key(key), out var value) && value is Array figures && layer < figures.Length && GgufMetadata.Integer(figures.GetValue(layer)!) == 0;

    private void Between(string key, long least, long most)
    {
        var value = _metadata.GetInteger(Key(key));
        Require(value >= least && value <= most, $"{Key(key)} is {value}");
    }

    private void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{_name} cannot be run: {what}.", "The file was written by a broken converter or is damaged; download or convert it again.");
        }
    }

    private string Key(string key) => $"{_architecture}.{key}";
}
