using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Our conversions against the files that llama.cpp's own converter wrote from the same checkpoints (tests/assets/golden).</summary>
public sealed class GoldenConversionTests
{
    public static TheoryData<string, string> Cases => new()
    {
        { "llama", "f32" }, { "llama", "bf16" }, { "llama", "f16" }, { "llama", "q8_0" },
        { "llama3-rope", "f32" }, { "llama3-rope", "bf16" },
        { "mistral", "f32" }, { "mistral", "bf16" },
        { "gemma3", "f32" }, { "gemma3", "bf16" }, { "gemma3-vision", "bf16" },
        { "qwen2", "f32" }, { "qwen2", "bf16" },
        { "qwen3", "f32" }, { "qwen3", "bf16" }, { "qwen3-embedding", "f32" }, { "qwen3-embedding", "bf16" },
        { "gemma4-e2b", "f32" }, { "gemma4-e2b", "bf16" }, { "gemma4-26b-a4b", "f32" }, { "gemma4-26b-a4b", "bf16" },
        { "gemma2", "f32" }, { "gemma2", "bf16" },
        { "phi3", "f32" }, { "phi3", "bf16" },
        { "gpt-oss", "f32" }, { "gpt-oss", "bf16" },
        { "fp8-block", "f32" }, { "fp8-block", "bf16" }, { "gptq-v1", "f32" }, { "gptq-v1", "bf16" },
        { "ct-int4", "f32" }, { "ct-int4", "bf16" }, { "nvfp4", "f32" }, { "nvfp4", "bf16" },
        { "smollm3", "f32" }, { "smollm3", "bf16" },
        { "olmo2", "f32" }, { "olmo2", "bf16" },
        { "granite", "f32" }, { "granite", "bf16" },
        { "starcoder2", "f32" }, { "starcoder2", "bf16" },
        { "glm4", "f32" }, { "glm4", "bf16" },
        { "cohere2", "f32" }, { "cohere2", "bf16" },
        { "gemma3n", "f32" }, { "gemma3n", "bf16" },
        { "mamba2", "f32" }, { "mamba2", "bf16" },
        { "lfm2", "f32" }, { "lfm2", "bf16" },
        { "qwen3moe", "f32" }, { "qwen3moe", "bf16" },
        { "qwen3next", "f32" }, { "qwen3next", "bf16" },
        { "qwen3.5", "f32" }, { "qwen3.5", "bf16" },
        { "deepseek-v3", "f32" }, { "deepseek-v3", "bf16" },
        { "nemotron-h", "f32" }, { "nemotron-h", "bf16" },
        { "llama4", "f32" }, { "llama4", "bf16" },
        { "bert", "f32" }, { "bert", "bf16" },
        { "modernbert", "f32" }, { "modernbert", "bf16" },
        { "xlm-roberta", "f32" }, { "xlm-roberta", "bf16" },
        { "t5", "f32" }, { "t5", "bf16" },
        { "mixtral", "f32" }, { "mixtral", "bf16" },
        { "mistral3", "f32" }, { "mistral3", "bf16" },
        { "qwen2moe", "f32" }, { "qwen2moe", "bf16" },
        { "qwen2vl", "f32" }, { "qwen2vl", "bf16" },
        { "nomic-bert", "f32" }, { "nomic-bert", "bf16" },
        { "cohere", "f32" }, { "cohere", "bf16" },
        { "deepseek-v2", "f32" }, { "deepseek-v2", "bf16" },
        { "roberta", "f32" }, { "roberta", "bf16" },
        { "t5-encoder", "f32" }, { "t5-encoder", "bf16" },
        { "granitemoe", "f32" }, { "granitemoe", "bf16" },
        { "distilbert", "f32" }, { "distilbert", "bf16" },
        { "jina-bert-v2", "f32" }, { "jina-bert-v2", "bf16" },
    };

    // Names that the official files have though they tokenise otherwise than the checkpoint; ours are judged by their tokens elsewhere.
    private static readonly Dictionary<string, string> OfficialPreTokenizers = new() { ["nemotron-h"] = "pixtral" };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Conversion_IsTheOfficialFileByteForByte(string model, string type)
    {
        using var folder = new TemporaryFolder();
        var output = folder.File("model.gguf");
        var plan = ConversionPlan.Create(Path.Combine(TestPaths.Golden(model), "hf"), output, new ConversionOptions { Type = type, PreTokenizer = OfficialPreTokenizers.GetValueOrDefault(model) });
        await OfficialFile.AssertWrittenBy(plan, Path.Combine(TestPaths.Golden(model), $"official.{type}.gguf"));
    }

    [Fact]
    public void Architectures_SaidToBeVerifiedSo_AreThoseOfTheCases()
    {
        var said = SupportedArchitecture.All.Where(architecture => architecture.Evidence == ArchitectureEvidence.OfficialFile).Select(architecture => architecture.ClassNames[0]);
        var classes = Cases.GroupBy(row => row.Data.Item1, row => row.Data.Item2)
            .Where(types => types.Contains("f32") && types.Contains("bf16"))
            // Python writes infinities that JSON does not have.
            .Select(types => JsonDocument.Parse(File.ReadAllText(Path.Combine(TestPaths.Golden(types.Key), "hf", "config.json")).Replace("Infinity", "0", StringComparison.Ordinal)).RootElement.GetProperty("architectures")[0].GetString()!);
        Assert.Equal(classes.Distinct().Order(StringComparer.Ordinal), said.Order(StringComparer.Ordinal));
    }
}
