namespace ModelOps.Conversion;

/// <summary>Ministral 3: Mistral with YaRN, and attention that grows with the position.</summary>
internal sealed class Ministral3 : Mistral
{
    public override IReadOnlyList<string> ClassNames => ["Ministral3ForCausalLM"];

    public override string Name => "mistral3";

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.ReferenceForward;

    public override string Defaults => """
        {
          "vocab_size": 131072, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 34, "num_attention_heads": 32, "num_key_value_heads": 8,
          "head_dim": 128, "max_position_embeddings": 262144, "rms_norm_eps": 1e-5, "tie_word_embeddings": false,
          "rope_parameters": {
            "rope_type": "yarn", "rope_theta": 1000000.0, "factor": 16.0, "original_max_position_embeddings": 16384, "beta_fast": 32.0, "beta_slow": 1.0,
            "mscale_all_dim": 1.0, "mscale": 1.0, "llama_4_scaling_beta": 0.1
          }
        }
        """;

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        var rope = RopeParameters.From(config);
        RequireComputable(rope, config);
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("rope.scaling.yarn_log_multiplier"), (float)(rope.Find("mscale_all_dim") ?? 0));
        metadata.Set(Key("attention.temperature_scale"), (float)rope.Get("llama_4_scaling_beta"));
    }

    /// <summary>Refuses what llama.cpp's Mistral 3 would compute otherwise.</summary>
    private static void RequireComputable(RopeParameters rope, CheckpointConfig config)
    {
        Require(rope.Type == "yarn", $"rotary scaling of type 'yarn', not '{rope.Type}'");
        // It takes the one for the other, and 1 for both.
        Require((rope.Find("mscale_all_dim") ?? 0) == 0 || rope.Find("mscale") is 1, "mscale = 1 (rope_parameters)");
        Require(rope.Find("attention_factor") is null, "an attention factor made of mscale (rope_parameters)");
        Require(!rope.IsOff("truncate"), "the dimensions between which YaRN interpolates rounded to integers (truncate)");

        void Require(bool holds, string needed)
        {
            if (!holds)
                throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Mistral 3 needs {needed}.");
        }
    }
}
