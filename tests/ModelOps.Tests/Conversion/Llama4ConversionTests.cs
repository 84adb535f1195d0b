using System.Text.Json.Nodes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Llama 4 inside the multimodal checkpoint, and what the engine has fixed.</summary>
public sealed class Llama4ConversionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task TextOfTheMultimodalCheckpoint_IsTheSameModel()
    {
        var checkpoint = TinyCheckpoint.Of("llama4");
        var text = checkpoint.Config.DeepClone().AsObject();
        text.Remove("architectures");
        // What equals the library's defaults is not saved.
        foreach (var key in new[] { "no_rope_layers", "attention_chunk_size", "attn_temperature_tuning", "floor_scale", "attn_scale", "use_qk_norm", "moe_layers", "num_experts_per_tok", "rope_theta" })
            text.Remove(key);
        checkpoint.Config.Clear();
        checkpoint.Config["architectures"] = new JsonArray("Llama4ForConditionalGeneration");
        checkpoint.Config["text_config"] = text;
        foreach (var name in checkpoint.Tensors.Keys.ToList())
            checkpoint.Rename(name, "language_model." + name);
        checkpoint.Tensors.Add("vision_model.patch_embedding.linear.weight", new TinyCheckpoint.Tensor("BF16", [1], new byte[2]));
        checkpoint.Tensors.Add("multi_modal_projector.linear_1.weight", new TinyCheckpoint.Tensor("BF16", [1], new byte[2]));
        var plan = Plan(checkpoint);
        await ModelConverter.RunAsync(plan);
        await EngineLogits.RequireAsync(plan.Output, GoldenLogits.Read("llama4", "f32"));
    }

    [Theory]
    [InlineData("no_rope_layers", "[1, 0, 1, 0]", "no_rope_layers")]
    [InlineData("layer_types", """["full_attention", "full_attention", "full_attention", "full_attention"]""", "layer_types")]
    [InlineData("attention_chunk_size", "4096", "attention_chunk_size")]
    [InlineData("attn_temperature_tuning", "false", "attn_temperature_tuning")]
    [InlineData("moe_layers", "[0, 1]", "moe_layers")]
    [InlineData("use_qk_norm", "false", "use_qk_norm")]
    [InlineData("attention_bias", "true", "attention_bias")]
    public void WhatTheEngineWouldComputeOtherwise_IsRefused(string key, string value, string said)
    {
        var checkpoint = TinyCheckpoint.Of("llama4");
        checkpoint.Config[key] = JsonNode.Parse(value);
        var exception = Assert.Throws<ModelOpsException>(() => Plan(checkpoint));
        Assert.Equal(ErrorKind.UnsupportedArchitecture, exception.Kind);
        Assert.Contains(said, exception.Message);
    }

    private ConversionPlan Plan(TinyCheckpoint checkpoint) => ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions { Type = "F32", Overwrite = true });
}
