using System.Text.Json.Nodes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Adapters merged into a conversion: against the weights that doubles give, and against the engine with the adapter put on at run time.</summary>
public sealed class AdapterMergingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Golden => Path.Combine(TestPaths.Golden("lora-llama"), "hf");

    /// <summary>Families with different things done to their tensors, and the modules that PEFT adapts there.</summary>
    public static TheoryData<string, string> Families => new()
    {
        { "llama", @"(q|k|v|o|gate|up|down)_proj\.weight|lm_head\.weight|embed_tokens\.weight" },
        { "qwen3moe", @"(q|k|v|o|gate|up|down)_proj\.weight|mlp\.gate\.weight" },
        { "gemma3-vision", @"language_model\..*(q|k|v|o|gate|up|down)_proj\.weight" },
        { "gemma3n", @"language_model\..*(q|k|v|o|gate|up|down)_proj\.weight" },
        { "phi3", @"(qkv|o|gate_up|down)_proj\.weight" },
        { "lfm2", @"(q|k|v|out|in)_proj\.weight|w[123]\.weight" },
        { "glm4", @"(q|k|v|o|gate_up|down)_proj\.weight" },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public async Task MergedWeights_AreThoseOfDoubles_ToTheLastBitsOfF32(string family, string modules)
    {
        var adapter = TinyAdapter.Random(TinyCheckpoint.Of(family), modules, rank: 5, alpha: 7);
        adapter.Config["alpha_pattern"] = new JsonObject { ["layers.1.*"] = 3.0 };
        var checkpoint = Path.Combine(TestPaths.Golden(family), "hf");
        var merged = await Convert(checkpoint, "F32", new AdapterMerge(adapter.Save(_folder.File("adapter")), 0.75));
        var expected = await Convert(adapter.Merge(TinyCheckpoint.Of(family), 0.75).Save(_folder), "F32");
        Assert.Equal(expected.Tensors.Select(tensor => (tensor.Name, tensor.Type, string.Join(',', tensor.Shape))), merged.Tensors.Select(tensor => (tensor.Name, tensor.Type, string.Join(',', tensor.Shape))));
        var changed = 0;
        foreach (var tensor in merged.Tensors)
        {
            var (ours, theirs) = (Weights(merged, tensor), Weights(expected, expected.Tensors.Single(other => other.Name == tensor.Name)));
            // Five products of at most 0.15 · 0.15, each sum rounded to 24 bits.
            Assert.All(ours.Zip(theirs), pair => Assert.Equal(pair.Second, pair.First, 1e-6f));
            if (tensor.Sources.Count > 1 && tensor.Sources.Any(name => name.Contains("lora", StringComparison.Ordinal)))
                changed++;
        }
        Assert.True(changed > 3);
        Assert.Equal(["adapter"], merged.Metadata.FindArray<string>("modelops.merged.adapters")!);
        Assert.Equal([0.75f], merged.Metadata.FindArray<float>("modelops.merged.scales")!);
        Assert.Equal(adapter.Tensors.Count / 2, Assert.Single(merged.Merged).Tensors);
    }

    [Fact]
    public async Task MergedModel_ComputesWhatTheEngineDoesWithTheAdapter()
    {
        var merged = await Convert(Path.Combine(TestPaths.Golden("llama"), "hf"), "F32", new AdapterMerge(Golden));
        var expected = GoldenLogits.Read("lora-llama", "f32");
        var last = AdaptedLogits.Last(merged.Output, expected.Tokens);
        Assert.All(expected.Top, entry => Assert.Equal(entry.Value, last[entry.Id], 2e-3 * Math.Abs(expected.Top[0].Value)));
    }

    [Fact]
    public async Task SeveralAdapters_AddUp_AndOneOfANegativeScaleTakesItAway()
    {
        var other = TinyAdapter.Random(TinyCheckpoint.Of("llama"), @"(q|down)_proj\.weight", rank: 3, alpha: 3).Save(_folder.File("other"));
        var both = await Convert(Path.Combine(TestPaths.Golden("llama"), "hf"), "F32", new AdapterMerge(Golden), new AdapterMerge(other, 0.5));
        var adapter = ConversionPlan.Create(Golden, _folder.File("golden.gguf"), Options("F32"));
        var second = ConversionPlan.Create(other, _folder.File("other.gguf"), Options("F32"));
        await ModelConverter.RunAsync(adapter);
        await ModelConverter.RunAsync(second);
        var tokens = GoldenLogits.Read("llama", "f32").Tokens;
        var expected = AdaptedLogits.Last(GoldenLogits.PathOf("llama", "f32"), tokens, (adapter.Output, 1), (second.Output, 0.5f));
        var ours = AdaptedLogits.Last(both.Output, tokens);
        Assert.All(expected.Zip(ours), pair => Assert.Equal(pair.First, pair.Second, 2e-3 * expected.Max(MathF.Abs)));

        var undone = await Convert(Path.Combine(TestPaths.Golden("llama"), "hf"), "F32", new AdapterMerge(other), new AdapterMerge(other, -1));
        var official = GgufFile.Read(GoldenLogits.PathOf("llama", "f32"));
        foreach (var tensor in undone.Tensors)
            Assert.All(Weights(undone, tensor).Zip(Weights(official.Path!, official.Tensors.Single(other => other.Name == tensor.Name).Offset, tensor.Bytes)), pair => Assert.Equal(pair.Second, pair.First, 1e-6f));
    }

    [Fact]
    public async Task MergedBytes_DoNotDependOnThreads()
    {
        var folder = Path.Combine(TestPaths.Golden("llama"), "hf");
        var results = new List<byte[]>();
        foreach (var threads in new[] { 1, 3, 8 })
        {
            var plan = ConversionPlan.Create(folder, _folder.File($"{threads}.gguf"), new ConversionOptions { Type = "Q8_0", Threads = threads, Adapters = [new AdapterMerge(Golden)] });
            await ModelConverter.RunAsync(plan);
            results.Add(await File.ReadAllBytesAsync(plan.Output));
        }
        Assert.All(results, result => Assert.Equal(results[0], result));
    }

    [Fact]
    public async Task WholeTensors_ReplaceTheCheckpoints_AtScaleOneOnly()
    {
        var adapter = TinyAdapter.Random(TinyCheckpoint.Of("qwen2"), @"q_proj\.weight", rank: 4, alpha: 8);
        var norm = new byte[32 * 4];
        Enumerable.Range(0, norm.Length / 4).ToList().ForEach(i => BitConverter.TryWriteBytes(norm.AsSpan(i * 4), i + 0.5f));
        adapter.Tensors["base_model.model.model.norm.weight"] = new TinyCheckpoint.Tensor("F32", [32], norm);
        adapter.Tensors["base_model.model.model.layers.0.self_attn.k_proj.base_layer.bias"] = TinyCheckpoint.Of("qwen2").Tensors["model.layers.1.self_attn.k_proj.bias"];
        var path = adapter.Save(_folder.File("adapter"));
        var merged = await Convert(Path.Combine(TestPaths.Golden("qwen2"), "hf"), "BF16", new AdapterMerge(path));
        Assert.Equal(Enumerable.Range(0, 32).Select(i => i + 0.5f), Weights(merged, merged.Tensors.Single(tensor => tensor.Name == "output_norm.weight")));
        Assert.Equal(
            Weights(merged, merged.Tensors.Single(tensor => tensor.Name == "blk.1.attn_k.bias")),
            Weights(merged, merged.Tensors.Single(tensor => tensor.Name == "blk.0.attn_k.bias")));
        Assert.Contains("in part", Assert.Throws<ModelOpsException>(() => Plan("qwen2", new AdapterMerge(path, 0.5))).Message);
    }

    [Fact]
    public void WhatCannotBeMerged_IsRefused()
    {
        Assert.Contains("does not have", Assert.Throws<ModelOpsException>(() => Plan("mamba2", new AdapterMerge(Golden))).Message);
        Assert.Contains("but the checkpoint's is one of", Assert.Throws<ModelOpsException>(() => Plan("mistral", new AdapterMerge(Golden))).Message);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => Plan("llama", new AdapterMerge(Golden, double.NaN))).Kind);
        Assert.Equal(ErrorKind.FileNotFound, Assert.Throws<ModelOpsException>(() => Plan("llama", new AdapterMerge(_folder.File("nowhere")))).Kind);
        var adapter = TinyAdapter.Random(TinyCheckpoint.Of("llama"), @"q_proj\.weight", rank: 4, alpha: 8);
        adapter.Config["alora_invocation_tokens"] = new JsonArray(5, 17);
        Assert.Contains("aLoRA", Assert.Throws<ModelOpsException>(() => Plan("llama", new AdapterMerge(adapter.Save(_folder.File("a"))))).Message);
        adapter = TinyAdapter.Random(TinyCheckpoint.Of("qwen2"), @"embed_tokens\.weight", rank: 4, alpha: 8);
        Assert.Contains("head as well", Assert.Throws<ModelOpsException>(() => Plan("qwen2", new AdapterMerge(adapter.Save(_folder.File("b"))))).Message);
    }

    [Fact]
    public void MergedTensors_AreNotTakenForALattice()
    {
        var name = "demo-gemma-qat";
        var checkpoint = new DirectoryInfo(TestPaths.Model(name)).FullName;
        var plain = ConversionPlan.Create(checkpoint, _folder.File("m.gguf"), new ConversionOptions { Type = "Q4_0" });
        var layer = plain.Tensors.First(tensor => tensor.Lattice && tensor.Name.EndsWith("attn_q.weight", StringComparison.Ordinal));
        var adapter = TinyAdapter.Random(TinyCheckpoint.OfFolder(checkpoint), $@"{System.Text.RegularExpressions.Regex.Escape(layer.Sources[0])}", rank: 2, alpha: 2);
        var merged = ConversionPlan.Create(checkpoint, _folder.File("m.gguf"), new ConversionOptions { Type = "Q4_0", Adapters = [new AdapterMerge(adapter.Save(_folder.File("adapter")))] });
        Assert.Equal([layer.Name], plain.Tensors.Zip(merged.Tensors).Where(pair => pair.First.Lattice != pair.Second.Lattice).Select(pair => pair.First.Name));
    }

    private static ConversionOptions Options(string type) => new() { Type = type, BaseModel = Path.Combine(TestPaths.Golden("llama"), "hf") };

    private ConversionPlan Plan(string family, params AdapterMerge[] adapters)
        => ConversionPlan.Create(Path.Combine(TestPaths.Golden(family), "hf"), _folder.File("refused.gguf"), new ConversionOptions { Type = "F32", Adapters = adapters });

    private async Task<ConversionPlan> Convert(string checkpoint, string type, params AdapterMerge[] adapters)
    {
        var plan = ConversionPlan.Create(checkpoint, _folder.File($"{Guid.NewGuid():N}.gguf"), new ConversionOptions { Type = type, KeepLattice = false, Adapters = adapters });
        await ModelConverter.RunAsync(plan);
        return plan;
    }

    private static float[] Weights(ConversionPlan plan, PlannedTensor tensor) => Weights(plan.Output, tensor.Offset, tensor.Bytes);

    private static float[] Weights(string path, long offset, long bytes)
        => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path).AsSpan((int)offset, (int)bytes)).ToArray();
}
