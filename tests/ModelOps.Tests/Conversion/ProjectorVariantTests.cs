using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Vision towers under other names and with other settings than the golden ones.</summary>
public sealed class ProjectorVariantTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("qwen2vl-vision", "Qwen2VLModel")]
    [InlineData("qwen3vl-vision", "Qwen3VLMoeForConditionalGeneration")]
    [InlineData("qwen3.5-vision", "Qwen3_5MoeForConditionalGeneration")]
    public async Task AnotherClassWithTheSameTower_GivesTheSameFile(string golden, string className)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        checkpoint.Config["architectures"] = new JsonArray(className);
        await AssertOfficial(golden, checkpoint);
    }

    [Theory]
    [InlineData("gemma3-vision", "vision_tower.", "model.vision_tower.")]
    [InlineData("gemma3-vision", "multi_modal_projector.", "model.multi_modal_projector.")]
    [InlineData("gemma3-vision", "vision_tower.vision_model.", "vision_model.")]
    [InlineData("qwen2vl-vision", "visual.", "model.visual.")]
    [InlineData("qwen2.5vl-vision", "visual.", "model.visual.")]
    [InlineData("qwen3vl-vision", "model.visual.", "visual.")]
    [InlineData("lfm2-vision", "model.", "")]
    public async Task TheNamesOfOtherVersionsOfTheLibrary_AreKnown(string golden, string from, string to)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        foreach (var name in checkpoint.Tensors.Keys.Where(name => name.StartsWith(from, StringComparison.Ordinal)).ToList())
            checkpoint.Rename(name, to + name[from.Length..]);
        await AssertOfficial(golden, checkpoint, inOrder: false);
    }

    [Fact]
    public async Task APreprocessorInTheNewFile_IsRead()
    {
        var checkpoint = TinyCheckpoint.Of("qwen3vl-vision");
        var folder = checkpoint.Save(_folder);
        var old = Path.Combine(folder, "preprocessor_config.json");
        File.WriteAllText(Path.Combine(folder, "processor_config.json"), $$"""{"image_processor": {{await File.ReadAllTextAsync(old)}}}""");
        File.WriteAllText(old, """{"image_mean": [9, 9, 9], "image_std": [9, 9, 9]}""");
        await OfficialFile.AssertWrittenBy(Plan(folder), Official("qwen3vl-vision"));
    }

    [Fact]
    public void GemmaThatPoolsOtherwise_SaysSo()
    {
        // llama.cpp's converter is silent, and its engine pools three by three.
        var plan = Changed("gemma4-vision", vision => vision["pooling_kernel_size"] = 2);
        Assert.Equal(2u, plan.Metadata["clip.vision.projector.scale_factor"]);
    }

    [Fact]
    public void QwenThatMergesOtherwise_SaysSo()
    {
        var checkpoint = TinyCheckpoint.Of("qwen2vl-vision");
        checkpoint.Config["vision_config"]!["spatial_merge_size"] = 1;
        foreach (var (name, shape) in new[] { ("visual.merger.mlp.0.weight", new long[] { 32, 32 }), ("visual.merger.mlp.0.bias", [32]), ("visual.merger.mlp.2.weight", [48, 32]) })
            checkpoint.Tensors[name] = new("BF16", shape, new byte[shape.Aggregate(2L, (bytes, length) => bytes * length)]);
        Assert.Equal(1u, Plan(checkpoint.Save(_folder)).Metadata["clip.vision.spatial_merge_size"]);
    }

    [Theory]
    [InlineData("gemma4-vision", "rope_parameters", """{"rope_theta": 10000.0, "rope_type": "default"}""")]
    [InlineData("gemma4-vision", "hidden_activation", "\"relu\"")]
    [InlineData("qwen2vl-vision", "hidden_act", "\"gelu\"")]
    [InlineData("qwen2vl-vision", "temporal_patch_size", "1")]
    [InlineData("qwen2.5vl-vision", "window_size", "56")]
    [InlineData("qwen2.5vl-vision", "fullatt_block_indexes", "[0, 3]")]
    [InlineData("qwen2.5vl-vision", "fullatt_block_indexes", "[1]")]
    [InlineData("qwen2.5vl-vision", "fullatt_block_indexes", "[]")]
    [InlineData("qwen3vl-vision", "hidden_act", "\"silu\"")]
    [InlineData("mistral3-vision", "model_type", "\"clip_vision_model\"")]
    [InlineData("mistral3-vision", "rope_theta", "1000.0")]
    [InlineData("mistral3-vision", "head_dim", "8")]
    [InlineData("internvl-vision", "norm_type", "\"rms_norm\"")]
    [InlineData("internvl-vision", "qk_normalization", "true")]
    [InlineData("internvl-vision", "image_size", "[16, 32]")]
    [InlineData("smolvlm-vision", "hidden_act", "\"gelu\"")]
    public void WhatLlamaCppWouldComputeOtherwise_IsRefused(string golden, string key, string value)
    {
        var exception = Assert.Throws<ModelOpsException>(() => Changed(golden, vision => vision[key] = JsonNode.Parse(value)));
        Assert.Equal(ErrorKind.UnsupportedArchitecture, exception.Kind);
    }

    [Theory]
    [InlineData("attention_chunk_size", "24")]
    [InlineData("attention_logit_cap", "30.0")]
    [InlineData("hidden_act", "\"gelu\"")]
    public void AnAudioTowerThatLlamaCppWouldComputeOtherwise_IsRefused(string key, string value)
    {
        var checkpoint = TinyCheckpoint.Of("gemma4-vision");
        checkpoint.Config["audio_config"]![key] = JsonNode.Parse(value);
        Assert.Equal(ErrorKind.UnsupportedArchitecture, Assert.Throws<ModelOpsException>(() => Plan(checkpoint.Save(_folder))).Kind);
    }

    [Theory]
    [InlineData("deepstack_visual_indexes", "[0, 4]")]
    [InlineData("deepstack_visual_indexes", "[0, 0]")]
    [InlineData("deepstack_visual_indexes", "[-1, 2]")]
    [InlineData("deepstack_visual_indexes", "[\"a\"]")]
    [InlineData("num_heads", "5")]
    [InlineData("num_position_embeddings", "25")]
    public void SettingsThatCannotBe_AreRefused(string key, string value)
    {
        var exception = Assert.Throws<ModelOpsException>(() => Changed("qwen3vl-vision", vision => vision[key] = JsonNode.Parse(value)));
        Assert.Equal(ErrorKind.CorruptFile, exception.Kind);
    }

    [Fact]
    public void PixtralWithoutTheTokenThatEndsRows_IsRefused()
    {
        var folder = TinyCheckpoint.Of("pixtral-vision").Save(_folder);
        File.Delete(Path.Combine(folder, "tokenizer_config.json"));
        Assert.Contains("[IMG_BREAK]", Assert.Throws<ModelOpsException>(() => Plan(folder)).Message);
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), """{"added_tokens": [{"id": 12, "content": "[IMG_BREAK]"}]}""");
        Assert.Contains(Plan(folder).Tensors, tensor => tensor.Name == "v.token_embd.img_break");
    }

    [Fact]
    public void EveryProjector_HasAGoldenCase()
    {
        var classes = GoldenProjectorTests.Cases.Select(row => JsonNode.Parse(File.ReadAllText(Path.Combine(TestPaths.Golden(row.Data.Item1), "hf", "config.json")))!["architectures"]![0]!.GetValue<string>())
            .Concat(["Qwen3VLMoeForConditionalGeneration", "Qwen3_5MoeForConditionalGeneration"]);
        Assert.All(SupportedProjector.All, projector => Assert.Contains(projector.ClassNames, name => classes.Contains(name)));
    }

    private ConversionPlan Changed(string golden, Action<JsonObject> change)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        change(checkpoint.Config["vision_config"]!.AsObject());
        return Plan(checkpoint.Save(_folder));
    }

    private async Task AssertOfficial(string golden, TinyCheckpoint checkpoint, bool inOrder = true)
    {
        var plan = Plan(checkpoint.Save(_folder));
        if (inOrder)
        {
            await OfficialFile.AssertWrittenBy(plan, Official(golden));
            return;
        }
        // The order of the tensors follows their names in the checkpoint.
        await ModelConverter.RunAsync(plan);
        var (ours, theirs) = (GgufFile.Read(plan.Output), GgufFile.Read(Official(golden)));
        Assert.Equal(Contents(theirs), Contents(ours));
    }

    private static SortedDictionary<string, string> Contents(GgufFile file)
    {
        var bytes = File.ReadAllBytes(file.Path!);
        return new(file.Tensors.ToDictionary(tensor => tensor.Name, tensor => $"{tensor.Type} {string.Join(',', tensor.Shape)} {Convert.ToHexString(bytes.AsSpan((int)tensor.Offset, (int)tensor.Bytes))}"), StringComparer.Ordinal);
    }

    private ConversionPlan Plan(string folder) => ConversionPlan.Create(folder, _folder.File("mmproj.gguf"), new ConversionOptions { Type = "F32", Projector = true });

    private static string Official(string golden) => Path.Combine(TestPaths.Golden(golden), "official.mmproj.f32.gguf");
}
