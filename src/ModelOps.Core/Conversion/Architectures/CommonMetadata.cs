using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>The keys that nearly every decoder has, in the order of llama.cpp's converter (TextModel.set_gguf_parameters).</summary>
internal static class CommonMetadata
{
    public static void Write(Architecture architecture, CheckpointConfig config, Recipe recipe, GgufMetadata metadata, bool withHeadLength = true)
    {
        metadata.Set(architecture.Key("block_count"), (uint)architecture.Layers(config));
        Integer("context_length", "max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length");
        Integer("embedding_length", "hidden_size");
        Integer("feed_forward_length", "prefix_dense_intermediate_size", "dense_intermediate_size", "intermediate_size");
        Integer("attention.head_count", "num_attention_heads");
        // Absent or null means one for each head, to the library and to the engine.
        metadata.Set(architecture.Key("attention.head_count_kv"), config.FindCount("num_key_value_heads") ?? (uint)config.Size("num_attention_heads"));
        if (config.FindBoolean("is_causal") is false)
            metadata.Set(architecture.Key("attention.causal"), false);
        WriteRope(architecture, config, metadata);
        Epsilon("attention.layer_norm_rms_epsilon", "rms_norm_eps", "norm_eps");
        Epsilon("attention.layer_norm_epsilon", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon");
        Integer("expert_count", "num_local_experts", "num_experts", "n_routed_experts");
        Integer("expert_used_count", "num_experts_per_tok", "num_experts_per_token", "top_k_experts");
        Integer("expert_group_count", "n_group");
        Integer("expert_group_used_count", "topk_group");
        if (config.FindText("score_function", "scoring_func", "score_func", "moe_router_activation", "moe_router_activation_func", "expert_selection_fn") is { } gating)
            metadata.Set(architecture.Key("expert_gating_func"), (uint)ExpertGatings.Parse(gating, config));
        if (withHeadLength)
        {
            Integer("attention.key_length", "head_dim");
            Integer("attention.value_length", "head_dim");
        }
        metadata.Set("general.file_type", (uint)recipe.FileType);

        void Epsilon(string key, params ReadOnlySpan<string> names)
        {
            if (config.FindNumber(0, 1, names) is { } epsilon)
                metadata.Set(architecture.Key(key), (float)epsilon);
        }

        void Integer(string key, params ReadOnlySpan<string> names)
        {
            // Gemma 3n says it layer by layer.
            if (key == "feed_forward_length" && config.Find(names) is { ValueKind: JsonValueKind.Array } perLayer)
                metadata.Set(architecture.Key(key), CheckpointJson.Guard(config.Path, () => perLayer.EnumerateArray().Select(value => value.GetInt32()).ToArray()));
            else if (config.FindCount(names) is { } value)
                metadata.Set(architecture.Key(key), value);
        }
    }

    private static void WriteRope(Architecture architecture, CheckpointConfig config, GgufMetadata metadata)
    {
        var rope = RopeParameters.From(config);
        switch (rope.Type)
        {
            case null or "default" or "llama3" or "dynamic":
            // To the library another name for the default; what is peculiar to it are the sections.
            case "mrope":
            case "proportional" when architecture is Gemma4:
                // llama3 and proportional become a tensor; dynamic changes nothing inside the trained context, and llama.cpp leaves it out too.
                break;
            case "linear":
                metadata.Set(architecture.Key("rope.scaling.type"), "linear");
                metadata.Set(architecture.Key("rope.scaling.factor"), (float)rope.Get("factor"));
                break;
            case "yarn":
                metadata.Set(architecture.Key("rope.scaling.type"), "yarn");
                metadata.Set(architecture.Key("rope.scaling.factor"), (float)rope.Get("factor"));
                metadata.Set(architecture.Key("rope.scaling.original_context_length"), OriginalContext(rope, config));
                Number("rope.scaling.yarn_ext_factor", rope.Find("extrapolation_factor"));
                Number("rope.scaling.yarn_attn_factor", rope.Find("attention_factor") ?? rope.Find("attn_factor"));
                Number("rope.scaling.yarn_beta_fast", rope.Find("beta_fast"));
                Number("rope.scaling.yarn_beta_slow", rope.Find("beta_slow"));
                break;
            default:
                // llama.cpp's converter warns and writes a model that computes something else.
                throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"Rotary scaling of type '{rope.Type}' cannot be converted for {architecture.Name}.");
        }
        RopeSections.Write(architecture, rope, metadata);
        Number("rope.freq_base", rope.Theta);
        Number("rope.freq_base_swa", rope.SlidingTheta);

        void Number(string key, double? value)
        {
            if (value is { } number)
                metadata.Set(architecture.Key(key), (float)number);
        }
    }

    /// <summary>The context that scaled positions start from; the library falls back to the model's own.</summary>
    private static uint OriginalContext(RopeParameters rope, CheckpointConfig config)
        => rope.Find("original_max_position_embeddings") is { } length and > 0 and <= uint.MaxValue ? (uint)length
        : config.FindCount("original_max_position_embeddings", "max_position_embeddings") ?? (uint)rope.Get("original_max_position_embeddings");
}
