using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Gemma 3n's variants of the golden checkpoint.</summary>
public sealed class Gemma3nConversionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task WidthsByLayer_AndAFullEmbedding_AreTheSameModel()
    {
        var official = GgufFile.Read(Path.Combine(TestPaths.Golden("gemma3n"), "official.bf16.gguf"));
        var checkpoint = TinyCheckpoint.Of("gemma3n");
        checkpoint.Config["text_config"]!["intermediate_size"] = new JsonArray(48);
        var embedding = checkpoint.Tensors["model.language_model.embed_tokens.weight"];
        checkpoint.Tensors["model.language_model.embed_tokens.weight"] = embedding with { Shape = [304, 32], Data = [.. embedding.Data, .. new byte[8 * 32 * 2]] };
        var plan = Plan(checkpoint);
        Assert.Equal([48], plan.Metadata.FindArray<int>("gemma3n.feed_forward_length")!);
        await ModelConverter.RunAsync(plan);
        var (ours, theirs) = (await File.ReadAllBytesAsync(plan.Output), await File.ReadAllBytesAsync(official.Path!));
        Assert.Equal(official.Tensors.Select(tensor => tensor.Name), plan.Tensors.Select(tensor => tensor.Name));
        foreach (var (expected, tensor) in official.Tensors.Zip(plan.Tensors))
            Assert.True(theirs.AsSpan((int)expected.Offset, (int)expected.Bytes).SequenceEqual(ours.AsSpan((int)tensor.Offset, (int)tensor.Bytes)), tensor.Name);
    }

    [Theory]
    [InlineData("laurel_rank", "32", ErrorKind.UnsupportedArchitecture)]
    [InlineData("num_kv_shared_layers", "1", ErrorKind.UnsupportedArchitecture)]
    [InlineData("activation_sparsity_pattern", "[0.5]", ErrorKind.UnsupportedArchitecture)]
    [InlineData("layer_types", """["full_attention"]""", ErrorKind.UnsupportedArchitecture)]
    [InlineData("vocab_size_per_layer_input", "300", ErrorKind.CorruptFile)]
    [InlineData("intermediate_size", "[48, 48]", ErrorKind.CorruptFile)]
    public void WhatTheEngineWouldComputeOtherwise_IsRefused(string key, string value, ErrorKind kind)
    {
        var checkpoint = TinyCheckpoint.Of("gemma3n");
        checkpoint.Config["text_config"]![key] = JsonNode.Parse(value);
        Assert.Equal(kind, Assert.Throws<ModelOpsException>(() => Plan(checkpoint)).Kind);
    }

    private ConversionPlan Plan(TinyCheckpoint checkpoint)
        => ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions { Type = "BF16", Overwrite = true });
}
