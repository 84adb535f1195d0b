using System.Collections;

namespace ModelOps.Quantization;

/// <summary>What llama-quantize knows of a model when it mixes types.</summary>
/// <param name="Architecture">The GGUF architecture; falcon has rules of its own.</param>
/// <param name="Layers">Number of layers (<c>block_count</c>).</param>
/// <param name="Experts">Number of experts (<c>expert_count</c>); 0 for a dense model.</param>
/// <param name="Heads">Attention heads of the first layer.</param>
/// <param name="KeyValueHeads">Heads of keys and values of the first layer.</param>
internal readonly record struct MixTraits(string Architecture, long Layers = 0, long Experts = 0, long Heads = 0, long KeyValueHeads = 0)
{
    /// <summary>Whether an importance matrix is used.</summary>
    public bool HasImportance { get; init; }

    /// <summary>Reads them from a GGUF's metadata.</summary>
    public static MixTraits Of(GgufMetadata metadata)
    {
        var architecture = metadata.FindString("general.architecture") ?? "";
        var heads = FirstLayer("attention.head_count") ?? 0;
        return new MixTraits(architecture, metadata.FindInteger($"{architecture}.block_count") ?? 0, metadata.FindInteger($"{architecture}.expert_count") ?? 0, heads, FirstLayer("attention.head_count_kv") ?? heads);

        // One number for all layers, or one for each.
        long? FirstLayer(string key) => metadata.TryGetValue($"{architecture}.{key}", out var value) && value is IList { Count: > 0 } layers
            ? GgufMetadata.Integer(layers[0])
            : metadata.FindInteger($"{architecture}.{key}");
    }

    /// <summary>Whether four or more heads share their keys and values (n_gqa of src/llama-hparams.cpp), so that these matrices are small.</summary>
    public bool SharesValues => KeyValueHeads > 0 && Heads / KeyValueHeads >= 4;

    /// <summary>Whether llama.cpp takes the model for one of 70 billion weights (LLM_TYPE_70B in src/models).</summary>
    public bool Is70B => Architecture switch
    {
        "llama" or "llama-embed" => Layers == 80 && Heads != KeyValueHeads && Experts != 8,
        "qwen2" or "deci" or "olmo" => Layers == 80,
        "jais2" => Layers == 68,
        _ => false,
    };
}
