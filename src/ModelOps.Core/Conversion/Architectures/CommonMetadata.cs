namespace ModelOps.Conversion;

/// <summary>The keys that nearly every decoder has, in the order of llama.cpp's converter (TextModel.set_gguf_parameters).</summary>
internal static class CommonMetadata
{
    public static void Write(Architecture architecture, CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        metadata.Set(architecture.Key("block_count"), (uint)architecture.Layers(config));
        Integer("context_length", "max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length");
        Integer("embedding_length", "hidden_size");
        Integer("feed_forward_length", "intermediate_size");
        Integer("attention.head_count", "num_attention_heads");
        Integer("attention.head_count_kv", "num_key_value_heads");
        WriteRope(architecture, RopeParameters.From(config), metadata);
        if (config.FindNumber(0, 1, "rms_norm_eps", "norm_eps") is { } epsilon)
            metadata.Set(architecture.Key("attention.layer_norm_rms_epsilon"), (float)epsilon);
        Integer("attention.key_length", "head_dim");
        Integer("attention.value_length", "head_dim");
        metadata.Set("general.file_type", (uint)recipe.FileType);

        void Integer(string key, params ReadOnlySpan<string> names)
        {
            if (config.FindCount(names) is { } value)
                metadata.Set(architecture.Key(key), value);
        }
    }

    private static void WriteRope(Architecture architecture, RopeParameters rope, GgufMetadata metadata)
    {
        switch (rope.Type)
        {
            case null or "default" or "llama3" or "dynamic":
                // llama3 becomes a tensor; dynamic changes nothing inside the trained context, and llama.cpp leaves it out too.
                break;
            case "linear":
                metadata.Set(architecture.Key("rope.scaling.type"), "linear");
                metadata.Set(architecture.Key("rope.scaling.factor"), (float)rope.Get("factor"));
                break;
            case "yarn":
                metadata.Set(architecture.Key("rope.scaling.type"), "yarn");
                metadata.Set(architecture.Key("rope.scaling.factor"), (float)rope.Get("factor"));
                metadata.Set(architecture.Key("rope.scaling.original_context_length"), (uint)rope.Get("original_max_position_embeddings"));
                Number("rope.scaling.yarn_ext_factor", rope.Find("extrapolation_factor"));
                Number("rope.scaling.yarn_attn_factor", rope.Find("attention_factor") ?? rope.Find("attn_factor"));
                Number("rope.scaling.yarn_beta_fast", rope.Find("beta_fast"));
                Number("rope.scaling.yarn_beta_slow", rope.Find("beta_slow"));
                break;
            default:
                // llama.cpp's converter warns and writes a model that computes something else.
                throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"Rotary scaling of type '{rope.Type}' cannot be converted for {architecture.Name}.");
        }
        Number("rope.freq_base", rope.Theta);
        Number("rope.freq_base_swa", rope.SlidingTheta);

        void Number(string key, double? value)
        {
            if (value is { } number)
                metadata.Set(architecture.Key(key), (float)number);
        }
    }
}
