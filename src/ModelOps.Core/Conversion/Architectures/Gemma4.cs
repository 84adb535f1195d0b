using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// Gemma 4's language model, dense, with an embedding for each layer, or with experts beside the dense network; text-only or inside the
/// multimodal checkpoint.
/// </summary>
/// <param name="suppressed">Tokens that must not be chosen, by generation_config.json.</param>
internal sealed class Gemma4(int[]? suppressed = null) : Architecture
{
    private const string Unified = "Gemma4UnifiedForConditionalGeneration";

    /// <summary>Divides a frequency until it no longer turns.</summary>
    private const float NoRotation = 1e30f;

    public override IReadOnlyList<string> ClassNames => ["Gemma4ForConditionalGeneration", "Gemma4ForCausalLM", Unified];

    public override string Name => "gemma4";

    public override Activation? Activation => Activation.TanhGelu("hidden_activation");

    public override string Defaults => """
        {
          "vocab_size": 262144, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 30, "num_attention_heads": 8, "num_key_value_heads": 4,
          "head_dim": 256, "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "sliding_window": 512, "num_kv_shared_layers": 0,
          "hidden_size_per_layer_input": 256, "vocab_size_per_layer_input": 262144,
          "rope_parameters": {
            "sliding_attention": { "rope_type": "default", "rope_theta": 10000.0 },
            "full_attention": { "rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1000000.0 }
          }
        }
        """;

    public override bool Ignores(string source) => base.Ignores(source) || OtherModalities.Include(source);

    public override Architecture Refine(Checkpoint checkpoint)
        => checkpoint.Config.ClassName == Unified && checkpoint.FindJson("generation_config.json") is { } settings
            && settings.TryGetProperty("suppress_tokens", out var tokens) && tokens.ValueKind == JsonValueKind.Array
            ? new Gemma4(CheckpointJson.Guard("generation_config.json", () => tokens.EnumerateArray().Select(token => token.GetInt32()).ToArray()))
            : this;

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = new Gemma4Sizes(config, Layers(config));
        var (hidden, vocabulary) = (sizes.Hidden, sizes.Vocabulary);
        var table = new TensorTable(sizes.Layers)
        {
            { "model.embed_tokens.weight", "token_embd.weight", [vocabulary, hidden] },
            { "model.norm.weight", "output_norm.weight", [hidden] },
            { "lm_head.weight", "output.weight", [vocabulary, hidden], null, 0, config.FindBoolean("tie_word_embeddings") ?? true },
            { "model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [hidden] },
            { "model.layers.*.post_attention_layernorm.weight", "blk.*.post_attention_norm.weight", [hidden] },
            { "model.layers.*.pre_feedforward_layernorm.weight", "blk.*.ffn_norm.weight", [hidden] },
            { "model.layers.*.post_feedforward_layernorm.weight", "blk.*.post_ffw_norm.weight", [hidden] },
            { "model.layers.*.layer_scalar", "blk.*.layer_output_scale.weight", [1], null, 0, true },
        };
        for (var layer = 0; layer < sizes.Layers; layer++)
            AddLayer(table, sizes, layer);
        if (sizes.PerLayerInput > 0)
            AddPerLayerEmbeddings(table, sizes, config.Size("vocab_size_per_layer_input"));
        if (config.FindBoolean("enable_moe_block") ?? false)
            AddExperts(table, hidden, config.Size("num_experts"), config.Size("moe_intermediate_size"));
        return table;
    }

    public override IEnumerable<(string Name, TensorSource Tensor)> ComputedTensors(CheckpointConfig config)
    {
        var rope = RopeParameters.From(config);
        if (rope.Type != "proportional")
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: the positions of Gemma 4's global layers should be 'proportional', not '{rope.Type}'.");
        // Only the first part of a head is rotated, by the frequencies of a whole one; ggml rotates all of it and gets factors that stop the rest.
        var length = new Gemma4Sizes(config, Layers(config)).GlobalHeadLength;
        if (length > DecoderSizes.MaximumHeadLength)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says that the heads of global layers have {length} dimensions, which cannot be.");
        var rotated = (int)(length * (rope.PartialFactor ?? 1) / 2);
        yield return ("rope_freqs.weight", new ComputedTensor([.. Enumerable.Range(0, (int)(length / 2)).Select(i => i < rotated ? 1 : NoRotation)]));
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        var sizes = new Gemma4Sizes(config, Layers(config));
        base.Describe(config, recipe, metadata);
        if (config.FindNumber("final_logit_softcapping") is { } cap and not 0)
            metadata.Set(Key("final_logit_softcapping"), (float)cap);
        metadata.Set(Key("attention.sliding_window"), (uint)config.Size("sliding_window"));
        metadata.Set(Key("attention.shared_kv_layers"), (uint)(sizes.Layers - sizes.FirstSharing));
        metadata.Set(Key("embedding_length_per_layer_input"), sizes.PerLayerInput);
        metadata.Set(Key("attention.sliding_window_pattern"), sizes.IsSliding);
        metadata.Set(Key("attention.key_length"), (uint)sizes.GlobalHeadLength);
        metadata.Set(Key("attention.value_length"), (uint)sizes.GlobalHeadLength);
        metadata.Set(Key("attention.key_length_swa"), (uint)sizes.SlidingHeadLength);
        metadata.Set(Key("attention.value_length_swa"), (uint)sizes.SlidingHeadLength);
        if (config.FindCount("expert_intermediate_size", "moe_intermediate_size") is { } width)
            metadata.Set(Key("expert_feed_forward_length"), width);
        var layers = Enumerable.Range(0, sizes.Layers);
        if (sizes.HasSeveralWidths)
            metadata.Set(Key("feed_forward_length"), layers.Select(layer => checked((int)sizes.Width(layer))).ToArray());
        if (sizes.GlobalKeyValueHeads is not null)
            metadata.Set(Key("attention.head_count_kv"), layers.Select(layer => (int)sizes.KeyValueHeads(layer)).ToArray());
        metadata.Set(Key("rope.dimension_count"), (uint)sizes.GlobalHeadLength);
        metadata.Set(Key("rope.dimension_count_swa"), (uint)sizes.SlidingHeadLength);
        if (suppressed is not null)
            metadata.Set("tokenizer.ggml.suppress_tokens", suppressed);
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        Gemma4Vocabulary.Read(files, config).Write(files, config, Tokenizer, metadata);
        metadata.Set("tokenizer.ggml.add_space_prefix", false);
        metadata.Set("tokenizer.ggml.add_bos_token", true);
    }

    private static void AddLayer(TensorTable table, Gemma4Sizes sizes, int layer)
    {
        var (from, to) = ($"model.layers.{layer}", $"blk.{layer}");
        var (hidden, head, width) = (sizes.Hidden, sizes.HeadLength(layer), sizes.Width(layer));
        var (query, keyValue) = (sizes.Heads * head, sizes.KeyValueHeads(layer) * head);
        // Layers that use the keys and values of earlier ones may have unused weights for their own.
        var shares = layer >= sizes.FirstSharing;
        table.Add($"{from}.self_attn.q_proj.weight", $"{to}.attn_q.weight", [query, hidden]);
        table.Add($"{from}.self_attn.q_norm.weight", $"{to}.attn_q_norm.weight", [head]);
        table.Add($"{from}.self_attn.k_proj.weight", $"{to}.attn_k.weight", [keyValue, hidden], optional: shares);
        table.Add($"{from}.self_attn.k_norm.weight", $"{to}.attn_k_norm.weight", [head], optional: shares);
        if (sizes.IsSliding[layer] || !sizes.KeysAreValues)
            table.Add($"{from}.self_attn.v_proj.weight", $"{to}.attn_v.weight", [keyValue, hidden], optional: shares);
        table.Add($"{from}.self_attn.o_proj.weight", $"{to}.attn_output.weight", [hidden, query]);
        table.Add($"{from}.mlp.gate_proj.weight", $"{to}.ffn_gate.weight", [width, hidden]);
        table.Add($"{from}.mlp.up_proj.weight", $"{to}.ffn_up.weight", [width, hidden]);
        table.Add($"{from}.mlp.down_proj.weight", $"{to}.ffn_down.weight", [hidden, width]);
    }

    private static void AddPerLayerEmbeddings(TensorTable table, Gemma4Sizes sizes, long vocabulary)
    {
        var (width, all) = (sizes.PerLayerInput, sizes.PerLayerInput * (long)sizes.Layers);
        table.Add("model.embed_tokens_per_layer.weight", "per_layer_token_embd.weight", [vocabulary, all]);
        table.Add("model.per_layer_model_projection.weight", "per_layer_model_proj.weight", [all, sizes.Hidden]);
        table.Add("model.per_layer_projection_norm.weight", "per_layer_proj_norm.weight", [width]);
        table.Add("model.layers.*.per_layer_input_gate.weight", "blk.*.inp_gate.weight", [width, sizes.Hidden]);
        table.Add("model.layers.*.per_layer_projection.weight", "blk.*.proj.weight", [sizes.Hidden, width]);
        table.Add("model.layers.*.post_per_layer_input_norm.weight", "blk.*.post_norm.weight", [sizes.Hidden]);
    }

    private static void AddExperts(TensorTable table, long hidden, long experts, long width)
    {
        table.Add("model.layers.*.router.proj.weight", "blk.*.ffn_gate_inp.weight", [experts, hidden]);
        table.Add("model.layers.*.router.scale", "blk.*.ffn_gate_inp.scale", [hidden]);
        table.Add("model.layers.*.router.per_expert_scale", "blk.*.ffn_down_exps.scale", [experts]);
        table.Add("model.layers.*.experts.gate_up_proj", "blk.*.ffn_gate_up_exps.weight", [experts, 2 * width, hidden]);
        table.Add("model.layers.*.experts.down_proj", "blk.*.ffn_down_exps.weight", [experts, hidden, width]);
        table.Add("model.layers.*.pre_feedforward_layernorm_2.weight", "blk.*.pre_ffw_norm_2.weight", [hidden]);
        table.Add("model.layers.*.post_feedforward_layernorm_1.weight", "blk.*.post_ffw_norm_1.weight", [hidden]);
        table.Add("model.layers.*.post_feedforward_layernorm_2.weight", "blk.*.post_ffw_norm_2.weight", [hidden]);
    }
}
