using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Gemma 3n's language model: four streams (AltUp), a low-rank bypass (Laurel), an embedding for each layer.</summary>
internal sealed class Gemma3n : Architecture
{
    // What llama.cpp's Gemma 3n has fixed.
    private const int Streams = 4;
    private const int LaurelRank = 64;
    private const int PerLayerInput = 256;
    private const int LayersWithKeys = 20;
    private const int SparseLayers = 10;
    private const double Sparsity = 0.95;
    private const int Pattern = 5;

    public override IReadOnlyList<string> ClassNames => ["Gemma3nForConditionalGeneration", "Gemma3nForCausalLM"];

    public override string Name => "gemma3n";

    public override Activation? Activation => Activation.TanhGelu("hidden_activation");

    public override string Defaults => """
        {
          "vocab_size": 262400, "vocab_size_per_layer_input": 262144, "hidden_size": 2048, "hidden_size_per_layer_input": 256, "intermediate_size": 16384,
          "num_hidden_layers": 35, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 256, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
          "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0, "sliding_window": 512, "final_logit_softcapping": 30.0,
          "altup_active_idx": 0, "altup_num_inputs": 4, "num_kv_shared_layers": 15, "laurel_rank": 64
        }
        """;

    public override bool Ignores(string source) => base.Ignores(source) || OtherModalities.Include(source);

    public override TensorTable Tensors(CheckpointConfig config)
    {
        RequireComputable(config);
        var layers = Layers(config);
        var widths = Widths(config);
        var sizes = DecoderSizes.From(config, widths[0]);
        var (hidden, vocabulary, leastVocabulary) = (sizes.Hidden, sizes.Vocabulary, config.Size("vocab_size_per_layer_input"));
        var table = new TensorTable(layers)
        {
            new TensorRule("model.embed_tokens.weight", "token_embd.weight", [vocabulary, hidden]) { LeastRows = leastVocabulary },
            new TensorRule("model.embed_tokens_per_layer.weight", "per_layer_token_embd.weight", [vocabulary, PerLayerInput * layers]) { LeastRows = leastVocabulary },
            { "model.norm.weight", "output_norm.weight", [hidden] },
            { "lm_head.weight", "output.weight", [vocabulary, hidden], null, 0, true },
            { "model.per_layer_model_projection.weight", "per_layer_model_proj.weight", [PerLayerInput * layers, hidden] },
            { "model.per_layer_projection_norm.weight", "per_layer_proj_norm.weight", [PerLayerInput] },
            { "model.layers.*.per_layer_input_gate.weight", "blk.*.inp_gate.weight", [PerLayerInput, hidden] },
            { "model.layers.*.per_layer_projection.weight", "blk.*.proj.weight", [hidden, PerLayerInput] },
            { "model.layers.*.post_per_layer_input_norm.weight", "blk.*.post_norm.weight", [hidden] },
            { "model.layers.*.altup.correct_output_scale", "blk.*.altup_correct_scale.weight", [hidden] },
            { "model.layers.*.altup.correction_coefs.weight", "blk.*.altup_correct_coef.weight", [Streams, Streams] },
            { "model.layers.*.altup.prediction_coefs.weight", "blk.*.altup_predict_coef.weight", [Streams * Streams, Streams] },
            { "model.layers.*.altup.modality_router.weight", "blk.*.altup_router.weight", [Streams, hidden] },
            { "model.layers.*.altup.router_norm.weight", "blk.*.altup_router_norm.weight", [hidden] },
            { "model.layers.*.laurel.linear_left.weight", "blk.*.laurel_l.weight", [LaurelRank, hidden] },
            { "model.layers.*.laurel.linear_right.weight", "blk.*.laurel_r.weight", [hidden, LaurelRank] },
            { "model.layers.*.laurel.post_laurel_norm.weight", "blk.*.laurel_post_norm.weight", [hidden] },
            { "model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [hidden] },
            { "model.layers.*.post_attention_layernorm.weight", "blk.*.post_attention_norm.weight", [hidden] },
            { "model.layers.*.pre_feedforward_layernorm.weight", "blk.*.ffn_norm.weight", [hidden] },
            { "model.layers.*.post_feedforward_layernorm.weight", "blk.*.post_ffw_norm.weight", [hidden] },
        };
        table.AddStack("model.altup_projections.#.weight", "altup_proj.weight", Streams - 1, [hidden, hidden]);
        table.AddStack("model.altup_unembed_projections.#.weight", "altup_unembd_proj.weight", Streams - 1, [hidden, hidden]);
        table.AddAttention(sizes);
        table.AddHeadNorms(sizes);
        for (var layer = 0; layer < layers; layer++)
        {
            table.Add($"model.layers.{layer}.mlp.gate_proj.weight", $"blk.{layer}.ffn_gate.weight", [widths[layer], hidden]);
            table.Add($"model.layers.{layer}.mlp.up_proj.weight", $"blk.{layer}.ffn_up.weight", [widths[layer], hidden]);
            table.Add($"model.layers.{layer}.mlp.down_proj.weight", $"blk.{layer}.ffn_down.weight", [hidden, widths[layer]]);
        }
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        if (config.FindNumber("final_logit_softcapping") is { } cap and not 0)
            metadata.Set(Key("final_logit_softcapping"), (float)cap);
        metadata.Set(Key("attention.sliding_window"), (uint)config.Size("sliding_window"));
        metadata.Set(Key("altup.active_idx"), config.FindCount("altup_active_idx") ?? 0);
        metadata.Set(Key("altup.num_inputs"), (uint)Streams);
        metadata.Set(Key("embedding_length_per_layer_input"), (uint)PerLayerInput);
        metadata.Set(Key("attention.shared_kv_layers"), config.FindCount("num_kv_shared_layers") ?? 0);
        metadata.Set(Key("activation_sparsity_scale"), Sparsities(config).Select(ActivationSparsity.Deviations).ToArray());
        metadata.Set(Key("attention.sliding_window_pattern"), Enumerable.Range(1, (int)Layers(config)).Select(layer => layer % Pattern != 0).ToArray());
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        base.DescribeTokenizer(files, config, metadata);
        metadata.Set("tokenizer.ggml.add_space_prefix", false);
    }

    /// <summary>Widths of the feed-forward networks: one number for all layers, or one for each.</summary>
    private long[] Widths(CheckpointConfig config)
    {
        var layers = (int)Layers(config);
        if (config.Find("intermediate_size") is not { ValueKind: JsonValueKind.Array } list)
            return [.. Enumerable.Repeat(config.Size("intermediate_size"), layers)];
        var widths = CheckpointJson.Guard(config.Path, () => list.EnumerateArray().Select(width => (long)width.GetInt32()).ToArray());
        return widths.Length == layers && widths.All(width => width > 0)
            ? widths
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} has {widths.Length} widths (intermediate_size) for {layers} layers, or one that is not positive.");
    }

    private double[] Sparsities(CheckpointConfig config)
    {
        var layers = (int)Layers(config);
        return config.Find("activation_sparsity_pattern") is { ValueKind: JsonValueKind.Array } list
            ? CheckpointJson.Guard(config.Path, () => list.EnumerateArray().Select(part => part.GetDouble()).ToArray())
            : [.. Enumerable.Range(0, layers).Select(layer => layer < SparseLayers && layers > SparseLayers ? Sparsity : 0)];
    }

    /// <summary>Refuses what llama.cpp's Gemma 3n, with so much fixed, would compute otherwise.</summary>
    private void RequireComputable(CheckpointConfig config)
    {
        var layers = Layers(config);
        Require("altup_num_inputs", Streams);
        Require("laurel_rank", LaurelRank);
        Require("hidden_size_per_layer_input", PerLayerInput);
        if (Math.Min(layers, LayersWithKeys) != layers - (config.FindCount("num_kv_shared_layers") ?? 0))
            throw Refused($"the layers after the first {LayersWithKeys} to share keys and values (num_kv_shared_layers)");
        if (SlidingPattern.Find(config, layers, Pattern) != Pattern)
            throw Refused($"every fifth layer to be global (layer_types)");
        if (!Sparsities(config).SequenceEqual(Enumerable.Range(0, (int)layers).Select(layer => layer < SparseLayers ? Sparsity : 0)))
            throw Refused($"the first {SparseLayers} layers to be sparse by {Sparsity}, and no others (activation_sparsity_pattern)");

        void Require(string key, long expected)
        {
            if (config.Size(key) != expected)
                throw Refused($"{key} = {expected}");
        }

        ModelOpsException Refused(FormattableString expected)
            => new(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Gemma 3n needs {FormattableString.Invariant(expected)}.");
    }
}
