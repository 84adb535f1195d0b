using ModelOps.Formats;

namespace ModelOps.Tests.Fit;

/// <summary>Headers of real models, from their published hyper-parameters: a file a family, all by name here.</summary>
internal static class SyntheticModels
{
    private static readonly (string Name, Func<HeaderBuilder> Build)[] All =
    [
        ("Llama-3-8B", LlamaShapes.Llama3_8B),
        ("Llama-3-70B", LlamaShapes.Llama3_70B),
        ("Mistral-7B", LlamaShapes.Mistral7B),
        ("Qwen2.5-7B", QwenShapes.Qwen25_7B),
        ("Qwen3-0.6B", QwenShapes.Qwen3_600M),
        ("Qwen3-8B", QwenShapes.Qwen3_8B),
        ("Qwen3-30B-A3B", QwenShapes.Qwen3_30B),
        ("Qwen3-Next-80B", QwenHybridShapes.Qwen3Next80B),
        ("Qwen3.5-9B", QwenHybridShapes.Qwen35_9B),
        ("Qwen3.6-27B", QwenHybridShapes.Qwen36_27B),
        ("Qwen3.6-35B-A3B", QwenHybridShapes.Qwen36_35B),
        ("Gemma-2-2B", GemmaShapes.Gemma2_2B),
        ("Gemma-3-1B", GemmaShapes.Gemma3_1B),
        ("Gemma-3-4B", GemmaShapes.Gemma3_4B),
        ("Gemma-3-27B", GemmaShapes.Gemma3_27B),
        ("Gemma-4-E2B", Gemma4Shapes.E2B),
        ("Gemma-4-26B-A4B", Gemma4Shapes.A26B),
        ("Gemma-4-31B", Gemma4Shapes.Dense31B),
        ("gpt-oss-20b", GptOssShapes.GptOss20B),
        ("gpt-oss-120b", GptOssShapes.GptOss120B),
        ("DeepSeek-V2-Lite", DeepSeekShapes.V2Lite),
        ("DeepSeek-V3", DeepSeekShapes.V3),
        ("Granite-3.3-8B", GraniteShapes.Granite33_8B),
        ("Granite-4.0-H-Small", GraniteShapes.Granite4HSmall),
        ("Phi-3.5-mini", PhiShapes.Phi35Mini),
        ("Phi-4", PhiShapes.Phi4),
        ("LFM2-1.2B", Lfm2Shapes.Lfm2_1200M),
        ("Mamba-2.8B", MambaShapes.Mamba2800M),
        ("Mamba-Codestral-7B", MambaShapes.Codestral7B),
        ("Nemotron-H-8B", NemotronShapes.NemotronH8B),
        ("Nemotron-3-Nano-30B", NemotronShapes.Nemotron3Nano30B),
    ];

    private static readonly Dictionary<string, Func<HeaderBuilder>> ByName = All.ToDictionary(model => model.Name, model => model.Build, StringComparer.Ordinal);

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(model => model.Name)];

    public static GgufLayout Header(string name) => ByName[name]().Layout();

    /// <summary>The shape that ModelOps derives from the header.</summary>
    public static ModelShape Shape(string name)
    {
        var header = Header(name);
        return ModelShape.FromGguf(GgufFile.Read(new MemoryStream(header.Header.ToArray()), header.FileBytes), name);
    }
}
