using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Our projectors against the mmproj files that llama.cpp's own converter wrote from the same checkpoints (tests/assets/golden).</summary>
public sealed class GoldenProjectorTests
{
    public static TheoryData<string, string> Cases => new()
    {
        { "gemma3-vision", "f32" }, { "gemma3-vision", "bf16" }, { "gemma3-vision", "f16" }, { "gemma3-vision", "q8_0" },
        { "gemma4-vision", "f32" }, { "gemma4-vision", "bf16" }, { "gemma4-vision", "f16" }, { "gemma4-vision", "q8_0" },
        { "gemma4-vision-plain", "f32" }, { "gemma4-vision-plain", "bf16" },
        { "gemma4-unified-vision", "f32" }, { "gemma4-unified-vision", "bf16" }, { "gemma4-unified-vision", "f16" },
        { "qwen2vl-vision", "f32" }, { "qwen2vl-vision", "bf16" }, { "qwen2vl-vision", "f16" }, { "qwen2vl-vision", "q8_0" },
        { "qwen2.5vl-vision", "f32" }, { "qwen2.5vl-vision", "bf16" },
        { "qwen3vl-vision", "f32" }, { "qwen3vl-vision", "bf16" },
        { "qwen3.5-vision", "f32" }, { "qwen3.5-vision", "bf16" },
        { "smolvlm-vision", "f32" }, { "smolvlm-vision", "bf16" },
        { "idefics3-vision", "f32" }, { "idefics3-vision", "bf16" },
        { "lfm2-vision", "f32" }, { "lfm2-vision", "bf16" },
        { "internvl-vision", "f32" }, { "internvl-vision", "bf16" },
        { "internvl-hf-vision", "f32" }, { "internvl-hf-vision", "bf16" },
        // These two are of the same checkpoints with the language model's prefix cut off, with which upstream loses a tensor that its engine needs.
        { "mistral3-vision", "f32" }, { "mistral3-vision", "bf16" },
        { "pixtral-vision", "f32" }, { "pixtral-vision", "bf16" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Projector_IsTheOfficialFileByteForByte(string model, string type)
    {
        using var folder = new TemporaryFolder();
        var options = new ConversionOptions { Type = type, Projector = true };
        var plan = ConversionPlan.Create(Path.Combine(TestPaths.Golden(model), "hf"), folder.File("mmproj.gguf"), options);
        await OfficialFile.AssertWrittenBy(plan, Path.Combine(TestPaths.Golden(model), $"official.mmproj.{type}.gguf"), rounded: ".per_dim_scale.weight");
    }
}
