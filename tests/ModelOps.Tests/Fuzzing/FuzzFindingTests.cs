using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Fuzzing;

/// <summary>What fuzzing has found, each as the smallest change of a golden file that shows it.</summary>
public sealed class FuzzFindingTests : IDisposable
{
    private readonly Conversion.TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("config.json", "\"LlamaForCausalLM\"", "\"\\ud800\"")]
    [InlineData("config.json", "\"rope_type\": \"llama3\"", "\"rope_type\": \"\\ud83d\"")]
    [InlineData("config.json", "\"architectures\"", "\"\\uD800\": 1, \"architectures\"")]
    [InlineData("tokenizer_config.json", "{", "{\"chat_template\": \"\\ud800\", ")]
    [InlineData("config.json", "\"LlamaForCausalLM\"", "\"Llama\u00FFForCausalLM\"")]
    public void TextsThatNoStringCanHold_AreACorruptFile(string file, string old, string changed)
    {
        var folder = _folder.CopyOf(Path.Combine(TestPaths.Golden("llama3-rope"), "hf"));
        var path = Path.Combine(folder, file);
        var text = File.ReadAllText(path);
        Assert.Contains(old, text);
        // In Latin-1, ÿ is a byte that UTF-8 never has.
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(string.Join(changed, text.Split(old, 2))));
        var exception = Refused(folder);
        Assert.Equal(ErrorKind.CorruptFile, exception.Kind);
        Assert.Contains(file, exception.Message);
    }

    [Theory]
    [InlineData("qwen2")]
    [InlineData("gemma4-e2b")]
    [InlineData("bert")]
    public void TokenIdsAtTheEndOfTheNumbers_AreACorruptFile(string golden)
    {
        var folder = _folder.CopyOf(Path.Combine(TestPaths.Golden(golden), "hf"));
        Edit(folder, "tokenizer.json", tokenizer => tokenizer["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = int.MaxValue, ["content"] = "<far>", ["special"] = false }));
        Assert.Equal(ErrorKind.CorruptFile, Refused(folder).Kind);
    }

    [Theory]
    [InlineData("gemma4-e2b")]
    [InlineData("bert")]
    public void TextThatIsTwiceInTheVocabulary_IsTheLast_AsInPython(string golden)
    {
        var folder = _folder.CopyOf(Path.Combine(TestPaths.Golden(golden), "hf"));
        var path = Path.Combine(folder, "tokenizer.json");
        var tokenizer = JsonNode.Parse(File.ReadAllText(path))!;
        var entry = tokenizer["model"]!["vocab"]!.AsObject().Last();
        var old = $"{System.Text.Json.JsonSerializer.Serialize(entry.Key)}:{entry.Value}";
        File.WriteAllText(path, string.Join($"{System.Text.Json.JsonSerializer.Serialize(entry.Key)}:0,{old}", tokenizer.ToJsonString().Split(old, 2)));
        Assert.NotEmpty(Plan(folder).Tensors);
    }

    [Fact]
    public void PieceWithoutItsParts_IsACorruptFile()
    {
        var folder = _folder.CopyOf(Path.Combine(TestPaths.Golden("xlm-roberta"), "hf"));
        Edit(folder, "tokenizer.json", tokenizer => tokenizer["model"]!["vocab"]!.AsArray().Add(new JsonArray()));
        Assert.Contains("tokenizer.json", Refused(folder).Message);
    }

    [Theory]
    [InlineData("cohere2", "logit_scale")]
    [InlineData("phi3", "rms_norm_eps")]
    [InlineData("phi3", "rope_theta")]
    [InlineData("mamba2", "layer_norm_epsilon")]
    [InlineData("gemma2", "rms_norm_eps")]
    public void NullWhereTheLibraryHasADefault_IsNamed(string golden, string key)
    {
        var folder = _folder.CopyOf(Path.Combine(TestPaths.Golden(golden), "hf"));
        var path = Path.Combine(folder, "config.json");
        File.WriteAllText(path, System.Text.RegularExpressions.Regex.Replace(File.ReadAllText(path), $"\"{key}\": [^,\n]*", $"\"{key}\": null"));
        var exception = Refused(folder);
        Assert.Equal(ErrorKind.CorruptFile, exception.Kind);
        Assert.Contains(key, exception.Message);
    }

    [Theory]
    [InlineData("llama3-rope", "head_dim")]
    [InlineData("gemma4-e2b", "global_head_dim")]
    public void HeadsOfBillions_AreRefusedBeforeTheirFactorsAreComputed(string golden, string key)
    {
        var folder = _folder.CopyOf(Path.Combine(TestPaths.Golden(golden), "hf"));
        Edit(folder, "config.json", config => (config["text_config"] ?? config)[key] = int.MaxValue);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains($"{int.MaxValue}", Refused(folder).Message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 256 << 20);
    }

    [Fact]
    public async Task GgufWithoutTensors_IsAFileWithoutTensors()
    {
        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", "llama");
        metadata.Set("general.type", "model");
        metadata.Set("llama.block_count", 1u);
        var source = _folder.File("empty.gguf");
        await File.WriteAllBytesAsync(source, global::ModelOps.Formats.GgufLayout.Create(metadata, []).Header.ToArray());
        var plan = ConversionPlan.Create(source, _folder.File("out.gguf"), new ConversionOptions { Type = "F16" });
        await ModelConverter.RunAsync(plan);
        Assert.Empty(GgufFile.Read(plan.Output).Tensors);
    }

    private static void Edit(string folder, string file, Action<JsonNode> edit)
    {
        var path = Path.Combine(folder, file);
        var node = JsonNode.Parse(File.ReadAllText(path))!;
        edit(node);
        File.WriteAllText(path, node.ToJsonString());
    }

    private ConversionPlan Plan(string folder) => ConversionPlan.Create(folder, _folder.File("refused.gguf"), new ConversionOptions { Type = "F32" });

    private ModelOpsException Refused(string folder) => Assert.Throws<ModelOpsException>(() => Plan(folder));
}
