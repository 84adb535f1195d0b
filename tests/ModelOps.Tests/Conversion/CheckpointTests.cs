using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>What is read from a checkpoint folder, and what config.json may say in several ways.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void HubSnapshot_OfSymbolicLinks_IsFollowed_AndNamedAfterItsRepository()
    {
        var blobs = _folder.CopyOf(TestPaths.Model("demo-gemma"));
        var snapshot = Directory.CreateDirectory(_folder.File("models--modelops--demo-gemma/snapshots/0123456789abcdef")).FullName;
        foreach (var blob in Directory.GetFiles(blobs))
        {
            try
            {
                File.CreateSymbolicLink(Path.Combine(snapshot, Path.GetFileName(blob)), blob);
            }
            catch (Exception exception) when (exception is UnauthorizedAccessException or IOException)
            {
                Assert.Skip("symbolic links may not be made here: " + exception.Message);
            }
        }
        var plan = ConversionPlan.Create(snapshot, _folder.File("model.gguf"), new ConversionOptions());
        Assert.Equal("Demo Gemma", plan.Metadata["general.name"]);
        Assert.Equal("Modelops", plan.Metadata["general.organization"]);
        Assert.Equal(ModelInfo.Read(blobs).Bytes, ModelInfo.Read(snapshot).Bytes);
        Assert.True(ModelInfo.Read(snapshot).Bytes > 7_000_000);
    }

    [Fact]
    public void RopeParametersOfTransformers5_SayTheSame()
    {
        var old = Plan(Path.Combine(TestPaths.Golden("gemma3"), "hf"));
        var checkpoint = _folder.CopyOf(Path.Combine(TestPaths.Golden("gemma3"), "hf"));
        Edit(checkpoint, config =>
        {
            config.Remove("rope_theta");
            config.Remove("rope_local_base_freq");
            config.Remove("rope_scaling");
            config.Remove("sliding_window_pattern");
            config["rope_parameters"] = JsonNode.Parse("""{"full_attention": {"rope_type": "default", "rope_theta": 1000000.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}""");
            config["layer_types"] = new JsonArray([.. Enumerable.Range(0, 7).Select(layer => (JsonNode)(layer == 5 ? "full_attention" : "sliding_attention"))]);
        });
        Assert.Equal(Text(old), Text(Plan(checkpoint)));

        Edit(checkpoint, config => config["layer_types"] = new JsonArray([.. Enumerable.Range(0, 7).Select(layer => (JsonNode)(layer % 2 == 1 ? "full_attention" : "sliding_attention"))]));
        Assert.Equal(2u, Plan(checkpoint).Metadata["gemma3.attention.sliding_window_pattern"]);
        Edit(checkpoint, config => config["layer_types"]![0] = "full_attention");
        Assert.Equal(ErrorKind.UnsupportedArchitecture, Assert.Throws<ModelOpsException>(() => Plan(checkpoint)).Kind);

        static string Text(ConversionPlan plan) => string.Join('\n', plan.Metadata.Select(entry => $"{entry.Key} {(entry.Value is Array values ? values.Length : entry.Value)}"));
    }

    [Fact]
    public void Defaults_OfTheLibrary_StandInForAbsentKeys()
    {
        var checkpoint = _folder.CopyOf(Path.Combine(TestPaths.Golden("gemma3"), "hf"));
        Edit(checkpoint, config =>
        {
            foreach (var key in new[] { "max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_local_base_freq", "sliding_window", "sliding_window_pattern" })
                config.Remove(key);
        });
        var metadata = Plan(checkpoint).Metadata;
        Assert.Equal(131072u, metadata["gemma3.context_length"]);
        Assert.Equal(1e-6f, metadata["gemma3.attention.layer_norm_rms_epsilon"]);
        Assert.Equal(1e6f, metadata["gemma3.rope.freq_base"]);
        Assert.Equal(1e4f, metadata["gemma3.rope.freq_base_swa"]);
        Assert.Equal(4096u, metadata["gemma3.attention.sliding_window"]);
        Assert.False(metadata.ContainsKey("gemma3.attention.sliding_window_pattern"));
    }

    [Theory]
    [InlineData("query_pre_attn_scalar", 17)]
    [InlineData("attn_logit_softcapping", 30)]
    public void Gemma3_ThatTheEngineWouldComputeOtherwise_IsRefused(string key, int value)
    {
        var checkpoint = _folder.CopyOf(Path.Combine(TestPaths.Golden("gemma3"), "hf"));
        Edit(checkpoint, config => config[key] = value);
        Assert.Contains(key, Assert.Throws<ModelOpsException>(() => Plan(checkpoint)).Message);
    }

    [Fact]
    public void RotaryScaling_LinearAndYarnAreWritten_UnknownIsRefused()
    {
        var checkpoint = _folder.CopyOf(Path.Combine(TestPaths.Golden("llama"), "hf"));
        Edit(checkpoint, config => config["rope_scaling"] = JsonNode.Parse("""{"type": "linear", "factor": 8}"""));
        Assert.Equal("linear", Plan(checkpoint).Metadata["llama.rope.scaling.type"]);
        Assert.Equal(8f, Plan(checkpoint).Metadata["llama.rope.scaling.factor"]);
        Edit(checkpoint, config => config["rope_scaling"] = JsonNode.Parse("""{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512, "beta_fast": 16}"""));
        Assert.Equal(512u, Plan(checkpoint).Metadata["llama.rope.scaling.original_context_length"]);
        Assert.Equal(16f, Plan(checkpoint).Metadata["llama.rope.scaling.yarn_beta_fast"]);
        Edit(checkpoint, config => config["rope_scaling"] = JsonNode.Parse("""{"rope_type": "yarn"}"""));
        Assert.Equal(ErrorKind.CorruptFile, Assert.Throws<ModelOpsException>(() => Plan(checkpoint)).Kind);
        Edit(checkpoint, config => config["rope_scaling"] = JsonNode.Parse("""{"rope_type": "spiral"}"""));
        Assert.Contains("spiral", Assert.Throws<ModelOpsException>(() => Plan(checkpoint)).Message);
    }

    [Fact]
    public async Task ModelInfo_SaysTheSameOfCheckpointAndFile()
    {
        var checkpoint = TestPaths.Model("demo-gemma");
        var output = _folder.File("model.gguf");
        await ModelConverter.RunAsync(ConversionPlan.Create(checkpoint, output, new ConversionOptions { Type = "Q4_0" }));
        var source = ModelInfo.Read(checkpoint);
        var file = ModelInfo.Read(output);

        Assert.Equal((ModelKind.Checkpoint, "Gemma3ForCausalLM", 3_611_648L, 512L, "BF16"), (source.Kind, source.Architecture, source.Parameters, source.ContextLength!.Value, source.Quantization));
        Assert.Equal((ModelKind.Gguf, "gemma3", 3_611_648L, 512L, "Q4_0"), (file.Kind, file.Architecture, file.Parameters, file.ContextLength!.Value, file.Quantization));
        Assert.Equal(new FileInfo(output).Length, file.Bytes);
        Assert.Equal(source.Tensors.Count, file.Tensors.Count);
        Assert.Equal(256L, source.Metadata["hidden_size"]);
        Assert.Equal("gemma3", file.Metadata["general.architecture"]);
        Assert.Equal(["1", "5"], Assert.IsType<string[]>(source.Metadata["eos_token_id"]));
        Assert.Equal(ErrorKind.FileNotFound, Assert.Throws<ModelOpsException>(() => ModelInfo.Read(_folder.File("nothing"))).Kind);
    }

    [Fact]
    public async Task Plan_IsTheShapeOfTheFileItWrites()
    {
        var output = _folder.File("model.gguf");
        var plan = ConversionPlan.Create(TestPaths.Model("demo-gemma"), output, new ConversionOptions { Type = "Q8_0" });
        await ModelConverter.RunAsync(plan);
        var (planned, written) = (plan.ToShape(), ModelShape.FromGguf(GgufFile.Read(output)));
        Assert.Equal(
            (written.Layers, written.WeightsBytes, written.InputBytes, written.OutputBytes, written.SlidingWindow, written.VocabularySize),
            (planned.Layers, planned.WeightsBytes, planned.InputBytes, planned.OutputBytes, planned.SlidingWindow, planned.VocabularySize));
        Assert.Equal("Demo Gemma", planned.Name);
    }

    private ConversionPlan Plan(string checkpoint) => ConversionPlan.Create(checkpoint, _folder.File("model.gguf"), new ConversionOptions());

    private static void Edit(string checkpoint, Action<JsonObject> edit)
    {
        var path = Path.Combine(checkpoint, "config.json");
        var root = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(root);
        File.WriteAllText(path, root.ToJsonString());
    }
}
