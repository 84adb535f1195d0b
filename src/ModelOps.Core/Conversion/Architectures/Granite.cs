namespace ModelOps.Conversion;

/// <summary>Granite 3 and the dense 4: Llama with four multipliers.</summary>
internal class Granite : Llama
{
    public override IReadOnlyList<string> ClassNames => ["GraniteForCausalLM"];

    public override string Name => "granite";

    public override string Defaults => """
        {
          "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
          "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
          "attention_multiplier": 1.0, "embedding_multiplier": 1.0, "residual_multiplier": 1.0, "logits_scaling": 1.0
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "refact" };

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        var sizes = DecoderSizes.From(config);
        // As upstream, a head's length is written only where it is not the usual one (and then upstream's file does not load).
        CommonMetadata.Write(this, config, recipe, metadata, withHeadLength: sizes.HeadLength != sizes.Hidden / sizes.Heads);
        WriteLlamaKeys(config, metadata);
        Scale("attention.scale", "attention_multiplier");
        Scale("embedding_scale", "embedding_multiplier");
        Scale("residual_scale", "residual_multiplier");
        Scale("logit_scale", "logits_scaling");

        void Scale(string key, string name)
        {
            if (config.FindNumber(name) is { } scale and not 0)
                metadata.Set(Key(key), (float)scale);
        }
    }
}
