namespace ModelOps.Conversion;

/// <summary>Gemma 4's vision tower, and the audio tower of the models that hear.</summary>
internal sealed class Gemma4Projector : Projector
{
    /// <summary>Patches that one soft token's side pools, which llama.cpp assumes unless told.</summary>
    private const long AssumedPooling = 3;

    /// <summary>What llama.cpp's converter writes for a tower that takes images of any size.</summary>
    private const long AssumedImage = 224;

    private const string Tower = "vision_tower";

    public override IReadOnlyList<string> ClassNames => ["Gemma4ForConditionalGeneration"];

    public override string Name => "gemma4v";

    public override long TextHidden => 2304;

    public override string VisionDefaults => """
        {
          "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 16, "num_attention_heads": 12, "num_key_value_heads": 12, "head_dim": 64,
          "hidden_activation": "gelu_pytorch_tanh", "pooling_kernel_size": 3, "patch_size": 16, "position_embedding_size": 10240,
          "use_clipped_linears": false, "standardize": false
        }
        """;

    public override string AudioDefaults => Gemma4AudioTower.Defaults;

    public override bool Includes(string source)
        => Normalize(source) is var name && (name.StartsWith(Tower, StringComparison.Ordinal) || name.StartsWith("embed_vision.", StringComparison.Ordinal)
            || name.StartsWith("audio_tower.", StringComparison.Ordinal) || name.StartsWith("embed_audio.", StringComparison.Ordinal));

    public override TensorTable Tensors(ProjectorConfig config)
    {
        var vision = config.Vision;
        var sizes = TowerSizes.From(vision);
        var (hidden, patch) = (sizes.Hidden, vision.Size("patch_size"));
        var standardizes = vision.FindBoolean("standardize") ?? false;
        var table = new TensorTable(sizes.Layers)
        {
            { $"{Tower}.std_bias", "v.std_bias", [hidden], null, 0, !standardizes },
            { $"{Tower}.std_scale", "v.std_scale", [hidden], null, 0, !standardizes },
            { $"{Tower}.encoder.layers.*.layer_scalar", "v.blk.*.out_scale.weight", [1], null, 0, true },
            { "embed_vision.embedding_projection.weight", "mm.input_projection.weight", [config.TextHidden, hidden] },
        };
        table.Add(new TensorRule($"{Tower}.patch_embedder.input_proj.weight", "v.patch_embd.weight", [hidden, 3 * patch * patch])
        {
            Order = RowOrders.ChannelsFirst(patch),
            IsElementwise = true,
            View = [hidden, 3, patch, patch],
        });
        table.Add(new TensorRule($"{Tower}.patch_embedder.position_embedding_table", "v.position_embd.weight", [2, vision.Size("position_embedding_size"), hidden]) { Type = GgmlType.F32 });
        AddLayers(table, vision, sizes);
        if (config.Audio is { } audio)
            Gemma4AudioTower.AddTensors(table, audio, config.TextHidden);
        return table;
    }

    public override void Describe(ProjectorConfig config, GgufMetadata metadata)
    {
        var vision = config.Vision;
        RequireComputable(vision);
        metadata.WriteVision(config, TowerSizes.From(vision), AssumedImage, vision.Size("patch_size"));
        if (config.Audio is { } audio)
            metadata.WriteAudio(config, Gemma4AudioTower.Sizes(audio));
        metadata.Set("clip.vision.projector_type", Name);
        metadata.WriteEpsilon("vision", vision.FindNumber(0, 1, "layer_norm_eps") ?? 1e-6);
        // llama.cpp's converter never writes this, so other numbers than three come out wrong there.
        if (vision.Size("pooling_kernel_size") is var pooling and not AssumedPooling)
            metadata.Set("clip.vision.projector.scale_factor", (uint)pooling);
        if (config.Audio is not null)
            Gemma4AudioTower.Describe(config.Audio, metadata);
    }

    private static void AddLayers(TensorTable table, CheckpointConfig vision, TowerSizes sizes)
    {
        const string From = $"{Tower}.encoder.layers.*";
        var (hidden, head) = (sizes.Hidden, vision.Size("head_dim"));
        var (query, keyValue) = (sizes.Heads * head, vision.Size("num_key_value_heads") * head);
        table.Add($"{From}.input_layernorm.weight", "v.blk.*.ln1.weight", [hidden]);
        table.Add($"{From}.post_attention_layernorm.weight", "v.blk.*.attn_post_norm.weight", [hidden]);
        table.Add($"{From}.pre_feedforward_layernorm.weight", "v.blk.*.ln2.weight", [hidden]);
        table.Add($"{From}.post_feedforward_layernorm.weight", "v.blk.*.ffn_post_norm.weight", [hidden]);
        table.Add($"{From}.self_attn.q_norm.weight", "v.blk.*.attn_q_norm.weight", [head]);
        table.Add($"{From}.self_attn.k_norm.weight", "v.blk.*.attn_k_norm.weight", [head]);
        var clipped = vision.FindBoolean("use_clipped_linears") ?? false;
        Linear("self_attn.q_proj", "attn_q", query, hidden);
        Linear("self_attn.k_proj", "attn_k", keyValue, hidden);
        Linear("self_attn.v_proj", "attn_v", keyValue, hidden);
        Linear("self_attn.o_proj", "attn_out", hidden, query);
        Linear("mlp.gate_proj", "ffn_gate", sizes.FeedForward, hidden);
        Linear("mlp.up_proj", "ffn_up", sizes.FeedForward, hidden);
        Linear("mlp.down_proj", "ffn_down", hidden, sizes.FeedForward);

        void Linear(string source, string target, long rows, long columns) => table.AddClippable($"{From}.{source}", $"v.blk.*.{target}", rows, columns, clipped);
    }

    /// <summary>Refuses what llama.cpp's Gemma 4 would silently compute otherwise.</summary>
    private static void RequireComputable(CheckpointConfig vision)
    {
        RequireActivation(vision, "hidden_activation", "gelu_pytorch_tanh");
        var rope = RopeParameters.From(vision);
        if (!rope.IsPlain || rope.Theta is not (null or 100))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: llama.cpp rotates the patches of Gemma 4 by a base of 100, the checkpoint says otherwise (rope_parameters).");
        if (vision.Size("num_key_value_heads") != vision.Size("num_attention_heads"))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: llama.cpp's vision tower of Gemma 4 has as many key heads as query heads, the checkpoint fewer.");
        if (vision.Size("head_dim") * vision.Size("num_attention_heads") != vision.Size("hidden_size"))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: llama.cpp derives the vision tower's head length from hidden_size; head_dim says otherwise.");
    }
}
