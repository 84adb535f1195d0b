namespace ModelOps.Conversion;

/// <summary>Mistral 7B and its kin: Llama's tensors and metadata, but the library assumes grouped queries.</summary>
internal sealed class Mistral : Llama
{
    public override IReadOnlyList<string> ClassNames => ["MistralForCausalLM"];

    protected override long KeyValueHeads(CheckpointConfig config, long heads) => config.Size("num_key_value_heads", 8);
}
