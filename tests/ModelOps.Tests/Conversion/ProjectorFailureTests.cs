using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Vision towers that cannot be converted: each says why.</summary>
public sealed class ProjectorFailureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TinyCheckpoint _checkpoint = TinyCheckpoint.Of("gemma3-vision");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WithoutPreprocessor_ItIsMissed()
    {
        var folder = _checkpoint.Save(_folder);
        File.Delete(Path.Combine(folder, "preprocessor_config.json"));
        Assert.Contains("preprocessor_config.json", Fails(ErrorKind.FileNotFound, folder).Message);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"image_mean": [0.5, 0.5], "image_std": [1, 1, 1]}""")]
    [InlineData("""{"image_mean": [0.5, 0.5, "a"], "image_std": [1, 1, 1]}""")]
    public void WithoutANormalisation_ItIsMissed(string preprocessor)
    {
        var folder = _checkpoint.Save(_folder);
        File.WriteAllText(Path.Combine(folder, "preprocessor_config.json"), preprocessor);
        Fails(ErrorKind.CorruptFile, folder);
    }

    [Fact]
    public void TypesThatATowerCannotHave_AreRefused()
    {
        var folder = _checkpoint.Save(_folder);
        foreach (var recipe in Recipe.All.Where(recipe => recipe.Name is not ("F32" or "F16" or "BF16" or "Q8_0")))
            Assert.Contains("F16", Fails(ErrorKind.UnsupportedType, folder, recipe.Name).Hint);
    }

    [Fact]
    public void AModelThatOnlyReads_HasNoTower()
    {
        var exception = Fails(ErrorKind.UnsupportedArchitecture, Path.Combine(TestPaths.Golden("llama"), "hf"));
        Assert.Contains("has no vision tower", exception.Message);
    }

    [Fact]
    public void AnUnknownTower_IsNamedWithTheNearest()
    {
        _checkpoint.Config["architectures"] = new JsonArray("Gemma33ForConditionalGeneration");
        Assert.Contains("The nearest by name is Gemma3ForConditionalGeneration", Fails(ErrorKind.UnsupportedArchitecture, _checkpoint.Save(_folder)).Hint);
    }

    [Fact]
    public void ATensorThatIsMissing_IsNamed()
    {
        _checkpoint.Tensors.Remove("vision_tower.vision_model.post_layernorm.bias");
        Assert.Contains("post_layernorm.bias", Fails(ErrorKind.CorruptFile, _checkpoint.Save(_folder)).Message);
    }

    [Fact]
    public void AShapeThatDisagreesWithTheConfiguration_IsSaid()
    {
        _checkpoint.Config["vision_config"]!["image_size"] = 32;
        var exception = Fails(ErrorKind.CorruptFile, _checkpoint.Save(_folder));
        Assert.Contains("position_embedding.weight' has the shape [16, 32]", exception.Message);
        Assert.Contains("implies [64, 32]", exception.Message);
    }

    [Theory]
    [InlineData("hidden_act", "\"relu\"", ErrorKind.UnsupportedArchitecture)]
    [InlineData("num_hidden_layers", "1000000000", ErrorKind.CorruptFile)]
    [InlineData("num_attention_heads", "3", ErrorKind.CorruptFile)]
    [InlineData("num_attention_heads", "0", ErrorKind.CorruptFile)]
    [InlineData("patch_size", "0", ErrorKind.CorruptFile)]
    [InlineData("patch_size", "\"4\"", ErrorKind.CorruptFile)]
    public void AnImpossibleConfiguration_IsRefused(string key, string value, ErrorKind kind)
    {
        _checkpoint.Config["vision_config"]![key] = JsonNode.Parse(value);
        Fails(kind, _checkpoint.Save(_folder));
    }

    private ModelOpsException Fails(ErrorKind kind, string checkpoint, string type = "F16")
    {
        var output = _folder.File("mmproj.gguf");
        var exception = Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(checkpoint, output, new ConversionOptions { Type = type, Projector = true }));
        Assert.Equal(kind, exception.Kind);
        Assert.False(File.Exists(output));
        return exception;
    }
}
