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
    public void LabelIsInTheName(string path, string? expected) => Assert.Equal(expected, GgufName.Label(GgufName.Stem(path)));

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

    [Theory]
    [InlineData("mmproj-F16.gguf", CompanionKind.Projector)]
    [InlineData("gemma-3-4b-it-MMPROJ.gguf", CompanionKind.Projector)]
    [InlineData("imatrix.dat", CompanionKind.ImportanceMatrix)]
    [InlineData("m.imatrix", CompanionKind.ImportanceMatrix)]
    [InlineData("m.imatrix.gguf", CompanionKind.ImportanceMatrix)]
    [InlineData("imatrix_unsloth.gguf_file", CompanionKind.ImportanceMatrix)]
    [InlineData("imatrix-BF16.gguf", CompanionKind.ImportanceMatrix)]
    [InlineData("m-Q4_K_M-imatrix.gguf", null)] // a model that was quantized with one
    [InlineData("m-imatrix-IQ2_XS.gguf", null)]
    [InlineData("mmproj.txt", null)]
    public void CompanionIsToldByItsName(string path, CompanionKind? expected) => Assert.Equal(expected, GgufName.Companion(path));

    [Fact]
    public void CompanionsGoWithEveryGgufVariant()
    {
        IReadOnlyList<ModelVariant> variants = Group("m-Q4_0.gguf", "BF16/m-BF16-00001-of-00001.gguf", "mmproj-BF16.gguf", "mmproj-F32.gguf", "mmproj-F16.gguf", "imatrix.dat", "config.json", "model.safetensors");
        Assert.All(variants.Where(variant => variant.Kind == ModelKind.Gguf), variant => Assert.Equal(
            [(CompanionKind.Projector, "mmproj-BF16.gguf", "BF16"), (CompanionKind.Projector, "mmproj-F16.gguf", "F16"), (CompanionKind.Projector, "mmproj-F32.gguf", "F32"), (CompanionKind.ImportanceMatrix, "imatrix.dat", null)],
            variant.Companions.Select(companion => (companion.Kind, companion.File.Path, companion.Quantization))));
        Assert.Empty(variants.Single(variant => variant.Kind == ModelKind.Checkpoint).Companions);

        ModelVariant whole = variants.Single(variant => variant.Name == "Q4_0").WithProjector();
        Assert.Equal(["m-Q4_0.gguf", "mmproj-F16.gguf"], whole.Files.Select(file => file.Path));
        Assert.Equal(20, whole.Bytes);
    }

    /// <summary>sentence-transformers keeps the configuration of a step, and the matrix of some, in a folder; its modules.json says so.</summary>
    [Fact]
    public void CheckpointHasTheStepsOfAnEmbeddingModel()
    {
        string[] files = ["config.json", "model.safetensors", "1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors", "2_Dense/pytorch_model.bin", "onnx/config.json"];
        Assert.Equal(
            ["model.safetensors", "1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors", "config.json", "modules.json"],
            Assert.Single(Group([.. files, "modules.json"])).Files.Select(file => file.Path));
        Assert.Equal(["model.safetensors", "config.json"], Assert.Single(Group(files)).Files.Select(file => file.Path));
    }

    [Theory]
    [InlineData(new[] { "mmproj-BF16.gguf", "mmproj-Q8_0.gguf" }, "mmproj-BF16.gguf")]
    [InlineData(new[] { "mmproj-Q8_0.gguf", "mmproj-model.gguf" }, "mmproj-Q8_0.gguf")]
    public void ProjectorIsF16ElseBf16ElseTheFirst(string[] projectors, string expected) =>
        Assert.Equal(expected, Group(["m-Q4_0.gguf", .. projectors])[0].WithProjector().Files[1].Path);

    [Fact]
    public void MissingProjectorIsSaid() => Assert.Equal(ErrorKind.FileNotFound, Assert.Throws<ModelOpsException>(() => Group("m-Q4_0.gguf", "imatrix.dat")[0].WithProjector()).Kind);

    [Fact]
    public void CompanionOfTheNearestFolderIsMeant()
    {
        IReadOnlyList<ModelVariant> variants = Group("4b/m-Q4_0.gguf", "4b/mmproj-F16.gguf", "12b/Q8_0/m-Q8_0.gguf", "12b/mmproj-F16.gguf", "mmproj-F16.gguf", "x/imatrix.dat");
        Assert.Equal(["4b/mmproj-F16.gguf", "x/imatrix.dat"], variants[0].Companions.Select(companion => companion.File.Path));
        Assert.Equal(["12b/mmproj-F16.gguf", "x/imatrix.dat"], variants[1].Companions.Select(companion => companion.File.Path));
    }

    /// <summary>A file that was cut with split(1) cannot be loaded, whatever it is called.</summary>
    [Fact]
    public void PartsOfAFileAreNoModel() =>
        Assert.Equal(["Q4_0"], Group("m-Q4_0.gguf", "m-Q8_0.gguf.part1of2", "m-Q8_0.gguf.part2of2", "m-Q6_K.gguf-split-a", "m-F16.gguf.part-a").Select(variant => variant.Name));

    [Fact]
    public void DefaultIsMarked() => Assert.Equal([false, true, false], Group("m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf").Select(variant => variant.IsDefault));

    [Theory]
    [InlineData("q4_0", "Q4_0")]
    [InlineData("b-Q8_0", "b-Q8_0")]
    [InlineData("sub/a-Q8_0.gguf", "sub/a-Q8_0")]
    [InlineData("m-Q4_0", "Q4_0")]
    public void VariantIsChosenByNameOrPath(string name, string expected) =>
        Assert.Equal(expected, VariantGrouping.Choose("o/r", Group("m-Q4_0.gguf", "sub/a-Q8_0.gguf", "b-Q8_0.gguf"), name).Name);

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

    [Theory]
    [InlineData(new[] { "model.safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors" }, new[] { "model.safetensors" })]
    [InlineData(new[] { "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model-00001-of-00003.safetensors" }, new[] { "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors" })]
    [InlineData(new[] { "model.safetensors-00001-of-00001.safetensors", "adapter_model.safetensors" }, new[] { "model.safetensors-00001-of-00001.safetensors" })]
    [InlineData(new[] { "model.fp16.safetensors", "consolidated.safetensors" }, new[] { "model.fp16.safetensors" })]
    [InlineData(new[] { "model.safetensors", "original/consolidated.00.safetensors", "fp8/model.safetensors", "fp8/config.json" }, new[] { "model.safetensors" })]
    public void CheckpointIsOneSetOfWeights(string[] weights, string[] expected) =>
        Assert.Equal(expected, Assert.Single(Group(["config.json", .. weights])).Files.Select(file => file.Path).Where(path => path.EndsWith(".safetensors", StringComparison.Ordinal)));

    [Theory]
    [InlineData("consolidated.safetensors")]
    [InlineData("adapter_model.safetensors")]
    [InlineData("original/model.safetensors")]
    [InlineData("model.fp16.safetensors", "model.fp8.safetensors")]
    public void WeightsOfAnotherKindAreNoCheckpoint(params string[] weights) => Assert.Empty(Group(["config.json", "params.json", .. weights]));

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
