namespace ModelOps.Conversion;

/// <summary>Mistral 7B and its kin: Llama's tensors and metadata, but the library assumes grouped queries.</summary>
internal class Mistral : Llama
{
    public override IReadOnlyList<string> ClassNames => ["MistralForCausalLM"];

    public override string Defaults => """
        {
          "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
          "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false
        }
        """;

    // Inside a multimodal checkpoint.
    public override bool Ignores(string source) => base.Ignores(source) || OtherModalities.Include(source);
}
