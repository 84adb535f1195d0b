using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>The shapes are the models' they are named after: as many weights as their makers publish.</summary>
public class SyntheticModelTests
{
    [Theory]
    [InlineData("Llama-3-8B", 8.03)] // meta-llama/Meta-Llama-3-8B
    [InlineData("Llama-3-70B", 70.6)]
    [InlineData("Qwen3-30B-A3B", 30.5)] // Qwen/Qwen3-30B-A3B
    [InlineData("Qwen3.6-27B", 27.3)] // with the layer for multi-token prediction
    [InlineData("Qwen3.6-35B-A3B", 34.7)]
    [InlineData("Gemma-4-E2B", 4.65)] // BF16 files of 9.31, 50.5 and 61.4 GB (unsloth.ai/docs/models/gemma-4/qat)
    [InlineData("Gemma-4-26B-A4B", 25.25)]
    [InlineData("Gemma-4-31B", 30.7)]
    [InlineData("gpt-oss-20b", 20.9)] // openai.com/index/introducing-gpt-oss
    [InlineData("gpt-oss-120b", 116.8)]
    [InlineData("DeepSeek-V2-Lite", 15.7)]
    [InlineData("DeepSeek-V3", 671)]
    [InlineData("Granite-3.3-8B", 8.17)]
    [InlineData("Granite-4.0-H-Small", 32.2)] // safetensors of 59.99 GiB
    [InlineData("Phi-3.5-mini", 3.82)]
    [InlineData("Phi-4", 14.7)]
    [InlineData("Mamba-2.8B", 2.77)]
    [InlineData("Mamba-Codestral-7B", 7.29)]
    [InlineData("Nemotron-H-8B", 8.1)]
    [InlineData("Nemotron-3-Nano-30B", 31.6)]
    public void WeightsAreAsManyAsPublished(string name, double billions) => Assert.Equal(1, SyntheticModels.Shape(name).Parameters / (billions * 1e9), 0.01);
}
