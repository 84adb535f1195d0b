namespace ModelOps.Quantization;

/// <summary>What llama-quantize knows of a model when it mixes types.</summary>
/// <param name="TiedOutput">Whether there is no <c>output.weight</c>, so that the token embedding is used for it.</param>
/// <param name="Experts">Number of experts (<c>expert_count</c>); 0 for a dense model.</param>
/// <param name="IsFalcon">Whether the architecture is <c>falcon</c>, which has rules of its own.</param>
internal readonly record struct MixTraits(bool TiedOutput, long Experts = 0, bool IsFalcon = false)
{
    public static MixTraits Of(GgufMetadata metadata, IEnumerable<string> tensorNames)
    {
        var architecture = metadata.FindString("general.architecture");
        return new MixTraits(!tensorNames.Contains("output.weight"), metadata.FindInteger($"{architecture}.expert_count") ?? 0, architecture == "falcon");
    }
}
