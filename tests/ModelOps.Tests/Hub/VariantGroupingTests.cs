using ModelOps.Hub;
using Xunit;

namespace ModelOps.Tests.Hub;

/// <summary>From file names to variants.</summary>
public sealed class VariantGroupingTests
{
    [Theory]
    [InlineData("gemma-3-1b-it-Q4_K_M.gguf", "Q4_K_M")]
    [InlineData("Qwen3-8B-UD-Q4_K_XL.gguf", "UD-Q4_K_XL")]
    [InlineData("model.IQ4_XS.gguf", "IQ4_XS")]
    [InlineData("model-bf16.gguf", "BF16")]
    [InlineData("ggml-model-f16.gguf", "F16")]
    [InlineData("model-fp16.gguf", "F16")]
    [InlineData("gpt-oss-20b-MXFP4.gguf", "MXFP4")]
    [InlineData("gpt-oss-20b-mxfp4_moe.gguf", "MXFP4_MOE")]
    [InlineData("bitnet-TQ2_0.gguf", "TQ2_0")]
    [InlineData("phi-Q4_0_4_8.gguf", "Q4_0_4_8")]
    [InlineData("a/BF16/model-00001-of-00002.gguf", "BF16")]
    [InlineData("Q8_0-thing-iq3_xxs.gguf", "IQ3_XXS")]
    [InlineData("gemma-3-q4_0.gguf", "Q4_0")]
    [InlineData("Qwen3-0.6B.gguf", null)]
    public void LabelIsInTheName(string path, string? expected) => Assert.Equal(expected, VariantGrouping.Label(VariantGrouping.Stem(path)));

    [Fact]
    public void ShardsAreOneVariantAndProjectorsNone()
    {
        IReadOnlyList<ModelVariant> variants = Group(
            "BF16/m-BF16-00002-of-00002.gguf", "BF16/m-BF16-00001-of-00002.gguf", "m-Q4_K_M.gguf", "mmproj-F16.gguf", "m.imatrix.gguf", "README.md",
            "Q8_0/m-Q8_0-00001-of-00003.gguf", "Q8_0/m-Q8_0-00003-of-00003.gguf");
        Assert.Equal(["Q4_K_M", "BF16"], variants.Select(variant => variant.Name));
        Assert.Equal(["BF16/m-BF16-00001-of-00002.gguf", "BF16/m-BF16-00002-of-00002.gguf"], variants[1].Files.Select(file => file.Path));
        Assert.Equal(20, variants[1].Bytes);
    }

    /// <summary>Digits of another script are no shard number: a hostile name must not break the listing.</summary>
    [Fact]
    public void OnlyPlainDigitsCountShards()
        => Assert.Equal("Q4_0", Assert.Single(Group("m-Q4_0-٠٠٠٠١-of-٠٠٠٠١.gguf", "model-٠٠٠٠١-of-٠٠٠٠١.safetensors")).Name);

    [Fact]
    public void TwoModelsOfOneQuantizationAreToldApartByPath() =>
        Assert.Equal(["Q8_0", "a-Q4_0", "b-Q4_0"], Group("a-Q4_0.gguf", "b-Q4_0.gguf", "b-Q8_0.gguf").Select(variant => variant.Name));

    [Fact]
    public void CheckpointHasWhatAConverterNeedsAndNothingTwice()
    {
        ModelVariant variant = Assert.Single(Group(
            "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json", "consolidated.safetensors",
            "tokenizer.model", "tokenizer.json", "chat_template.jinja", "LICENSE", "README.md", "pytorch_model.bin", "onnx/model.onnx", "original/params.json"));
        Assert.Equal(ModelKind.Checkpoint, variant.Kind);
        Assert.Equal(
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "LICENSE", "README.md", "chat_template.jinja", "config.json", "model.safetensors.index.json", "tokenizer.json", "tokenizer.model"],
            variant.Files.Select(file => file.Path));
    }

    [Fact]
    public void CheckpointWithAMissingShardIsNone() => Assert.Empty(Group("config.json", "model-00001-of-00002.safetensors"));

    [Theory]
    [InlineData(new[] { "m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-Q2_K.gguf" }, "Q4_K_M")]
    [InlineData(new[] { "m-Q8_0.gguf", "m-Q4_0.gguf" }, "Q4_0")]
    [InlineData(new[] { "m-IQ2_M.gguf", "config.json", "model.safetensors" }, "IQ2_M")]
    [InlineData(new[] { "config.json", "model.safetensors" }, "safetensors")]
    public void DefaultIsTheBestKnown(string[] paths, string expected) => Assert.Equal(expected, VariantGrouping.Default(Group(paths), variant => variant.Name)?.Name);

    private static IReadOnlyList<ModelVariant> Group(params string[] paths) =>
        VariantGrouping.Group("o/r", "c", [.. paths.Select(path => new RepositoryFile(path, 10, null, "0"))]);
}
