using ModelOps.Errors;

namespace ModelOps.Conversion;

/// <summary>The architectures that can be converted.</summary>
internal static class ArchitectureCatalog
{
    /// <summary>All, the usual ones of a name first.</summary>
    public static IReadOnlyList<Architecture> All { get; } =
    [
        new Llama(),
        new Mistral(),
        new Mixtral(),
        new Mistral3(),
        new Ministral3(),
        new Qwen2(),
        new Qwen2Moe(),
        new Qwen2Vl(),
        new Qwen3(),
        new Qwen3Moe(),
        new Qwen3Next(),
        new Qwen35(),
        new Qwen35Moe(),
        new Qwen3Vl(),
        new Qwen3VlMoe(),
        new Gemma(),
        new Gemma2(),
        new Gemma3(),
        new Gemma3n(),
        new Gemma4(),
        new GptOss(),
        new Phi3(),
        new SmolLM3(),
        new Olmoe(),
        new Olmo2(),
        new Olmo3(),
        new Granite(),
        new StarCoder2(),
        new Glm4(),
        new Glm4Moe(),
        new Cohere(),
        new Cohere2(),
        new Lfm2(),
        new Mamba2(),
        new DeepSeekV2(),
        new DeepSeekV3(),
        new NemotronH(),
        new Llama4(),
        new Lfm2Moe(),
        new GraniteMoe(),
        new GraniteHybrid(),
        new Bert(),
        new DistilBert(),
        new Roberta(),
        new XlmRoberta(),
        new Camembert(),
        new ModernBert(),
        new NomicBert(),
        new JinaBert2(),
        new GemmaEmbedding(),
        new T5(),
        new T5Encoder(),
    ];

    private static readonly Dictionary<string, Architecture> ByClassName = All
        .SelectMany(architecture => architecture.ClassNames, (architecture, name) => KeyValuePair.Create(name, architecture))
        .ToDictionary(StringComparer.Ordinal);

    /// <summary>The classes of the model library that can be converted.</summary>
    public static IReadOnlyList<string> ClassNames { get; } = [.. ByClassName.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The architecture of a checkpoint; <see cref="ErrorKind.UnsupportedArchitecture"/> names what there is.</summary>
    public static Architecture For(CheckpointConfig config)
    {
        var supported = $"Supported: {string.Join(", ", ClassNames)}.";
        if (config.ClassName is not { } name)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path} does not say which architecture it is: 'architectures' is missing.", supported);
        if (ByClassName.TryGetValue(name, out var architecture))
            return architecture;
        // Of names that differ in case only, the catalog's first is the usual one.
        var nearest = All.SelectMany(known => known.ClassNames).MinBy(known => EditDistance.Between(known, name));
        throw new ModelOpsException(
            ErrorKind.UnsupportedArchitecture,
            $"The architecture {name} cannot be converted.",
            $"The nearest by name is {nearest}. {supported}");
    }
}
