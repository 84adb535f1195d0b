using System.Text.Json.Nodes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Nemotron-H: its tokenizer, and its layers said in other ways.</summary>
public sealed class NemotronHConversionTests : IDisposable
{
    private const string Text = "def isTested(self, 'sent', \"don't\"): return 'there' + HelloWorld.thAt(123456) // 'test' हिन्दी 漢字 x='tend'\n\n\t  2024, 1024 'swerve'";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Tokens_AreTheCheckpointsOwn_WhereTheOfficialFilesAreNot()
    {
        var hf = Path.Combine(TestPaths.Golden("nemotron-h"), "hf");
        var plan = ConversionPlan.Create(hf, _folder.File("model.gguf"), new ConversionOptions { Type = "F32" });
        Assert.Equal("tekken", plan.Metadata.FindString("tokenizer.ggml.pre"));
        await ModelConverter.RunAsync(plan);
        var expected = new ByteLevelBpe(Path.Combine(hf, "tokenizer.json")).Encode(Text);
        Assert.Equal(expected, await Tokenize(plan.Output));
        // To llama.cpp, pixtral is Llama 3: numbers in threes, contractions apart.
        Assert.NotEqual(expected, await Tokenize(GoldenLogits.PathOf("nemotron-h", "f32")));
    }

    [Theory]
    [InlineData("""["mamba", "mlp", "attention", "mlp"]""", "backbone.")]
    [InlineData("""["linear_attention", "mlp", "full_attention", "mlp"]""", "model.")]
    public async Task LayersByName_AreTheSameModel(string kinds, string prefix)
    {
        // As transformers 5 saves it: with what experts would be like, though there are none.
        var checkpoint = TinyCheckpoint.Of("nemotron-h");
        checkpoint.Config.Remove("hybrid_override_pattern");
        checkpoint.Config.Remove("num_hidden_layers");
        checkpoint.Config.Remove("rms_norm_eps");
        checkpoint.Config["layers_block_type"] = JsonNode.Parse(kinds);
        checkpoint.Config["num_experts_per_tok"] = 2;
        checkpoint.Config["n_routed_experts"] = 8;
        checkpoint.Config["n_group"] = 1;
        foreach (var name in checkpoint.Tensors.Keys.Where(name => prefix != "backbone." && name.StartsWith("backbone.", StringComparison.Ordinal)).ToList())
            checkpoint.Rename(name, prefix + name["backbone.".Length..]);
        var plan = ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions { Type = "F32" });
        Assert.Equal("nemotron_h", plan.Architecture);
        await ModelConverter.RunAsync(plan);
        await EngineLogits.RequireAsync(plan.Output, GoldenLogits.Read("nemotron-h", "f32"));
    }

    [Theory]
    [InlineData("hybrid_override_pattern", "\"M-*E\"", ErrorKind.UnsupportedArchitecture)]
    [InlineData("hybrid_override_pattern", "\"M-*\"", ErrorKind.CorruptFile)]
    [InlineData("hybrid_override_pattern", "\"M-*X\"", ErrorKind.CorruptFile)]
    [InlineData("mlp_hidden_act", "\"silu\"", ErrorKind.UnsupportedArchitecture)]
    [InlineData("use_bias", "true", ErrorKind.UnsupportedArchitecture)]
    [InlineData("use_conv_bias", "false", ErrorKind.UnsupportedArchitecture)]
    [InlineData("time_step_limit", "[0.001, 0.1]", ErrorKind.UnsupportedArchitecture)]
    [InlineData("n_groups", "3", ErrorKind.CorruptFile)]
    public void WhatTheEngineWouldComputeOtherwise_IsRefused(string key, string value, ErrorKind kind)
    {
        var checkpoint = TinyCheckpoint.Of("nemotron-h");
        checkpoint.Config[key] = JsonNode.Parse(value);
        Assert.Equal(kind, Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions())).Kind);
    }

    private static async Task<int[]> Tokenize(string path)
    {
        using var engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = path, Parameters = new() { ContextLength = 64 }, Threads = 1 });
        return engine.Tokenize(Text, addSpecial: false, parseSpecial: false);
    }
}
