namespace ModelOps.Fit;

/// <summary>Tells a model's purpose from its header, and says what follows where it is not to write text.</summary>
internal static class Purposes
{
    // Encoders whose header need not say that they see the whole text at once: the engine knows (llama-model.cpp).
    private static readonly HashSet<string> Encoders = new(
        ["bert", "jina-bert-v2", "jina-bert-v3", "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert", "modern-bert", "gemma-embedding", "t5encoder", "wavtokenizer-dec"], StringComparer.Ordinal);

    private static readonly HashSet<string> Diffusers = new(["dream", "llada", "llada-moe", "rnd1"], StringComparer.Ordinal);

    /// <summary>Models that compute without a cache: the engine's create_memory returns none.</summary>
    public static bool IsCacheless(string architecture) => architecture != "t5encoder" && (Encoders.Contains(architecture) || Diffusers.Contains(architecture));

    public static ModelPurpose Of(GgufMetadata metadata, string architecture)
        => architecture == "t5" ? ModelPurpose.EncoderDecoder
            : Diffusers.Contains(architecture) ? ModelPurpose.Diffusion
            : Encoders.Contains(architecture) || metadata.FindBoolean($"{architecture}.attention.causal") is false ? ModelPurpose.Embedding
            : ModelPurpose.Text;

    /// <summary>What is to be known of a model that writes no text here; null for one that does.</summary>
    public static string? Remark(ModelPurpose purpose) => purpose switch
    {
        ModelPurpose.Embedding => "It is an embedding model: it reads texts and writes none, so there is no speed of generation.",
        ModelPurpose.EncoderDecoder => "It is an encoder with a decoder, which modelops run does not run: only its memory is told.",
        ModelPurpose.Diffusion => "It writes by diffusion, which modelops run does not run: only its memory is told.",
        _ => null,
    };
}
