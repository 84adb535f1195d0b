namespace ModelOps.Conversion;

/// <summary>
/// Qwen3-Next and what came after: linear attention in most layers, gated full attention in every fourth, norms stored minus one, and
/// perhaps layers that predict further tokens, which become blocks after the last.
/// </summary>
/// <param name="predictionLayers">Layers for multi-token prediction. Weights say, not config.json: they are lost when a model is tuned.</param>
internal abstract class QwenHybrid(int predictionLayers) : Architecture
{
    private const int DefaultInterval = 4;
    private const string Prediction = "mtp.";
    private const string PredictionLayer = "mtp.layers.";

    public override string Normalize(string source)
    {
        var name = base.Normalize(source);
        return name.StartsWith("model." + Prediction, StringComparison.Ordinal) ? name["model.".Length..] : name;
    }

    public override bool Ignores(string source) => base.Ignores(source) || OtherModalities.Include(source);

    public override Architecture Refine(Checkpoint checkpoint)
        => With(checkpoint.Tensors.Select(tensor => Normalize(tensor.Name)).Select(PredictionLayers).DefaultIfEmpty(0).Max());

    public override TensorTable Tensors(CheckpointConfig config)
    {
        RequireComputable(config);
        var layers = Layers(config);
        // Not every generation has a dense network, whose width would be said.
        var sizes = DecoderSizes.From(config, feedForward: 0);
        var deltaNet = GatedDeltaNet.From(config);
        var table = new TensorTable(layers);
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false, normShift: 1);
        foreach (var (layer, attends) in IsFull(config).Index())
        {
            var (from, to) = ($"model.layers.{layer}", $"blk.{layer}");
            AddCommon(table, config, sizes.Hidden, from, to);
            if (attends)
                AddFullAttention(table, sizes, from, to);
            else
                AddLinearAttention(table, deltaNet, from, to);
        }
        for (var layer = 0; layer < predictionLayers; layer++)
        {
            var (from, to) = ($"{PredictionLayer}{layer}", $"blk.{layers + layer}");
            AddCommon(table, config, sizes.Hidden, from, to);
            AddFullAttention(table, sizes, from, to);
        }
        if (predictionLayers > 0)
            AddPredictionEnds(table, sizes.Hidden, $"blk.{layers}.nextn");
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("block_count"), (uint)(Layers(config) + predictionLayers));
        DescribeExperts(config, metadata);
        if (predictionLayers > 0)
            metadata.Set(Key("nextn_predict_layers"), (uint)predictionLayers);
        GatedDeltaNet.From(config).Describe(this, metadata);
        DescribePattern(config, metadata);
        metadata.Set(Key("rope.dimension_count"), Rotated(config));
    }

    /// <summary>Dimensions of a head that turn.</summary>
    protected static uint Rotated(CheckpointConfig config) => (uint)(DecoderSizes.From(config, feedForward: 0).HeadLength * (RopeParameters.From(config).PartialFactor ?? 0.25));

    /// <summary>The same architecture with so many layers for multi-token prediction.</summary>
    protected abstract QwenHybrid With(int predictionLayers);

    /// <summary>The linear attention of a layer.</summary>
    protected abstract void AddLinearAttention(TensorTable table, GatedDeltaNet sizes, string from, string to);

    /// <summary>What stands between attention and the next layer.</summary>
    protected abstract void AddFeedForward(TensorTable table, CheckpointConfig config, string from, string to);

    /// <summary>The keys of the experts, where there are some.</summary>
    protected virtual void DescribeExperts(CheckpointConfig config, GgufMetadata metadata)
    {
    }

    /// <summary>Refuses what llama.cpp cannot load or would silently compute otherwise.</summary>
    protected virtual void RequireComputable(CheckpointConfig config)
    {
        if (config.FindBoolean("attention_bias") is true)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's {Name} has no biases in its attention, the checkpoint does (attention_bias).");
        if (config.FindBoolean("attn_output_gate") is false)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's {Name} gates the output of its attention, the checkpoint does not (attn_output_gate).");
    }

    private static int PredictionLayers(string name)
    {
        if (!name.StartsWith(PredictionLayer, StringComparison.Ordinal))
            return 0;
        var number = name.AsSpan(PredictionLayer.Length);
        var end = number.IndexOf('.');
        // Few digits: what is no number of a layer is a tensor that the map does not know.
        return end is > 0 and <= 3 && int.TryParse(number[..end], out var layer) ? layer + 1 : 0;
    }

    private static void AddFullAttention(TensorTable table, DecoderSizes sizes, string from, string to)
    {
        // Of each head the query, then the gate.
        table.Add($"{from}.self_attn.q_proj.weight", $"{to}.attn_q.weight", [2 * sizes.Query, sizes.Hidden]);
        table.Add($"{from}.self_attn.k_proj.weight", $"{to}.attn_k.weight", [sizes.KeyValue, sizes.Hidden]);
        table.Add($"{from}.self_attn.v_proj.weight", $"{to}.attn_v.weight", [sizes.KeyValue, sizes.Hidden]);
        table.Add($"{from}.self_attn.o_proj.weight", $"{to}.attn_output.weight", [sizes.Hidden, sizes.Query]);
        table.Add($"{from}.self_attn.q_norm.weight", $"{to}.attn_q_norm.weight", [sizes.HeadLength], shift: 1);
        table.Add($"{from}.self_attn.k_norm.weight", $"{to}.attn_k_norm.weight", [sizes.HeadLength], shift: 1);
    }

    private static void AddPredictionEnds(TensorTable table, long hidden, string to)
    {
        table.Add($"{Prediction}fc.weight", $"{to}.eh_proj.weight", [hidden, 2 * hidden]);
        table.Add($"{Prediction}norm.weight", $"{to}.shared_head_norm.weight", [hidden], shift: 1);
        table.Add($"{Prediction}pre_fc_norm_embedding.weight", $"{to}.enorm.weight", [hidden], shift: 1);
        table.Add($"{Prediction}pre_fc_norm_hidden.weight", $"{to}.hnorm.weight", [hidden], shift: 1);
    }

    private void AddCommon(TensorTable table, CheckpointConfig config, long hidden, string from, string to)
    {
        table.Add($"{from}.input_layernorm.weight", $"{to}.attn_norm.weight", [hidden], shift: 1);
        table.Add($"{from}.post_attention_layernorm.weight", $"{to}.post_attention_norm.weight", [hidden], shift: 1);
        AddFeedForward(table, config, from, to);
    }

    /// <summary>Which layers have full attention: said layer by layer, or by their distance.</summary>
    private bool[] IsFull(CheckpointConfig config)
    {
        var layers = Layers(config);
        if (LayerTypes.Find(config, layers) is not { } types)
            return Recurring(config.Size("full_attention_interval", DefaultInterval), layers);
        if (types.FirstOrDefault(type => type is not ("linear_attention" or "full_attention")) is { } other)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path} has a layer of type '{other}' (layer_types), which {config.ClassName} is not known to have.");
        return [.. types.Select(type => type == "full_attention")];
    }

    /// <summary>
    /// The distance of the layers with full attention; where they do not recur so, each layer by itself, which llama.cpp's converter
    /// leaves out.
    /// </summary>
    private void DescribePattern(CheckpointConfig config, GgufMetadata metadata)
    {
        var isFull = IsFull(config);
        var interval = config.Size("full_attention_interval", DefaultInterval);
        metadata.Set(Key("full_attention_interval"), (uint)interval);
        if (!isFull.SequenceEqual(Recurring(interval, isFull.Length)))
            metadata.Set(Key("attention.recurrent_layers"), isFull.Select(full => !full).Concat(Enumerable.Repeat(false, predictionLayers)).ToArray());
    }

    private static bool[] Recurring(long interval, long layers) => [.. Enumerable.Range(1, (int)layers).Select(layer => layer % interval == 0)];
}
