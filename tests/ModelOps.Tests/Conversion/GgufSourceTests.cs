using ModelOps.Formats;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>A GGUF file as the source, against llama_model_quantize of the pinned libllama on the same file: the same bytes.</summary>
public sealed class GgufSourceTests : IDisposable
{
    // A projector has no heads that llama-quantize knows of; it ends the process.
    private static readonly string[] MixesByHeads =
        ["Q2_K", "Q2_K_S", "IQ4_NL", "IQ4_XS", "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "IQ3_XS", "IQ3_S"];

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Cases { get; } =
    [
        .. from file in new[]
           {
               "llama/official.f32", "llama/official.bf16", "llama/official.f16", "llama/official.q8_0", "llama3-rope/official.bf16", "mistral/official.bf16", "gemma3/official.bf16",
               "gemma3n/official.bf16", "gemma4-e2b/official.bf16", "gemma4-26b-a4b/official.bf16", "phi3/official.f32", "qwen3moe/official.bf16", "lfm2/official.bf16", "mamba2/official.bf16",
               "qwen2/official.f32", "gpt-oss/official.bf16", "gemma3-vision/official.mmproj.bf16",
           }
           from recipe in Recipe.All
           // From blocks of 128 llama-quantize has no type to fall back to, and these rows are shorter.
           where recipe.Name != "Q1_0"
           where !(file.Contains("mmproj", StringComparison.Ordinal) && MixesByHeads.Contains(recipe.Name))
           select (file, recipe.Name),
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task BytesAreThoseOfLlamaQuantize(string file, string recipe)
    {
        GgmlOracle.RequireX64();
        var source = Path.Combine(TestPaths.Assets, "golden", file + ".gguf");
        if (!LlamaQuantize.TryRun(source, _folder.File("expected.gguf"), Recipe.Parse(recipe), requantize: true))
        {
            // It says so when it is half done, and we before a byte is written.
            Assert.Contains(recipe, TestImportance.NeedingIt);
            Fails(ErrorKind.InvalidArgument, source, recipe);
            return;
        }
        await AssertSameBytesAsync(source, recipe);
    }

    /// <summary>Long rows have super-blocks; the source is of a type that only llama.cpp writes.</summary>
    [Theory]
    [InlineData("Q2_K", GgmlType.Q2_K, 10)]
    [InlineData("Q3_K_S", GgmlType.Q3_K, 11)]
    [InlineData("Q4_K_M", GgmlType.Q4_K, 15)]
    [InlineData("Q5_K_M", GgmlType.Q5_K, 17)]
    [InlineData("Q6_K", GgmlType.Q6_K, 18)]
    public async Task QuantisedSourcesAreDecodedAsInGgml(string name, GgmlType type, int fileType)
    {
        GgmlOracle.RequireX64();
        TestGguf.Widen(Path.Combine(TestPaths.Golden("gemma3"), "official.bf16.gguf"), _folder.File("wide.gguf"));
        var source = _folder.File("source.gguf");
        LlamaQuantize.Run(_folder.File("wide.gguf"), source, new Recipe(name, type, fileType));
        Assert.Contains(GgufFile.Read(source).Tensors, tensor => tensor.Type == type);
        foreach (var recipe in Recipe.All)
        {
            if (LlamaQuantize.TryRun(source, _folder.File("expected.gguf"), recipe, requantize: true))
                await AssertSameBytesAsync(source, recipe.Name);
            else
                Assert.Contains(recipe.Name, TestImportance.NeedingIt.Append("Q1_0"));
        }
    }

    /// <summary>Eight experts share small attention matrices, which llama-quantize keeps at Q8_0; the tensors' shapes do not matter to it.</summary>
    [Fact]
    public async Task MixOfEightExpertsIsLlamaQuantizes()
    {
        GgmlOracle.RequireX64();
        var source = _folder.File("eight.gguf");
        TestGguf.Edit(Path.Combine(TestPaths.Golden("qwen3moe"), "official.bf16.gguf"), source, metadata => metadata.Set("qwen3moe.expert_count", 8u));
        foreach (var recipe in Recipe.All)
        {
            if (LlamaQuantize.TryRun(source, _folder.File("expected.gguf"), recipe, requantize: false))
                await AssertSameBytesAsync(source, recipe.Name);
            else
                Assert.Equal("Q1_0", recipe.Name);
        }
        var plan = ConversionPlan.Create(source, _folder.File("planned.gguf"), new ConversionOptions { Type = "Q4_K_M" });
        Assert.Equal(GgmlType.Q8_0, plan.Tensors.Single(tensor => tensor.Name == "blk.0.attn_v.weight").Type);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task ShardsAreOneModel(int given)
    {
        GgmlOracle.RequireX64();
        var shards = TestGguf.Split(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), _folder.Path, 3);
        LlamaQuantize.Run(shards[0], _folder.File("expected.gguf"), Recipe.Parse("Q4_0"));
        await AssertSameBytesAsync(shards[given - 1], "Q4_0");
    }

    [Fact]
    public void ShardsThatDoNotBelongTogetherAreRefused()
    {
        var shards = TestGguf.Split(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), _folder.Path, 3);
        File.Copy(shards[0], _folder.File("alone.gguf"));
        Assert.Contains("one of 3 shards", Fails(ErrorKind.CorruptFile, _folder.File("alone.gguf")).Message, StringComparison.Ordinal);
        File.Move(shards[1], _folder.File("kept.gguf"));
        Assert.Contains(shards[1], Fails(ErrorKind.FileNotFound, shards[0]).Message, StringComparison.Ordinal);
        File.Copy(shards[2], shards[1]);
        Assert.Contains("is shard 3 by its header", Fails(ErrorKind.CorruptFile, shards[0]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LatticeOfABF16FileIsKept()
    {
        var checkpoint = TestPaths.Model("demo-gemma-qat");
        await RunAsync(checkpoint, "direct.gguf", new ConversionOptions { Type = "Q4_0" });
        await RunAsync(checkpoint, "bf16.gguf", new ConversionOptions { Type = "BF16" });
        var result = await RunAsync(_folder.File("bf16.gguf"), "twice.gguf", new ConversionOptions { Type = "Q4_0" });
        Assert.Equal(1, result.LatticeExactFraction);
        var (direct, twice) = (GgufFile.Read(_folder.File("direct.gguf")), GgufFile.Read(_folder.File("twice.gguf")));
        var bytes = (Direct: File.ReadAllBytes(direct.Path!), Twice: File.ReadAllBytes(twice.Path!));
        Assert.Equal(direct.Tensors.Count, twice.Tensors.Count);
        foreach (var tensor in direct.Tensors)
        {
            var same = twice.Tensors.Single(other => other.Name == tensor.Name);
            Assert.Equal(tensor.Type, same.Type);
            Assert.True(bytes.Direct.AsSpan((int)tensor.Offset, (int)tensor.Bytes).SequenceEqual(bytes.Twice.AsSpan((int)same.Offset, (int)same.Bytes)), tensor.Name);
        }
    }

    /// <summary>Q4_1 holds the weights that it holds, but a file of it is asked to be smaller here.</summary>
    [Fact]
    public async Task Q4_1BecomesSmallerWhenAsked()
    {
        TestGguf.Widen(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), _folder.File("wide.gguf"));
        await RunAsync(_folder.File("wide.gguf"), "q4_1.gguf", new ConversionOptions { Type = "Q4_1", Provenance = false });
        var smaller = ConversionPlan.Create(_folder.File("q4_1.gguf"), _folder.File("q4_0.gguf"), new ConversionOptions { Type = "Q4_0", Provenance = false });
        Assert.Equal(GgmlType.Q4_0, smaller.Tensors.Single(tensor => tensor.Name == "blk.0.ffn_up.weight").Type);
        var same = ConversionPlan.Create(_folder.File("q4_1.gguf"), _folder.File("q5_k.gguf"), new ConversionOptions { Type = "Q5_K_S", Provenance = false });
        Assert.Equal(GgmlType.Q4_1, same.Tensors.Single(tensor => tensor.Name == "blk.0.ffn_up.weight").Type);
    }

    /// <summary>What is Q4_0 stays so bit for bit, the embedding too, that llama-quantize would blow up to Q6_K.</summary>
    [Fact]
    public async Task Q4_0StaysAsItIs()
    {
        TestGguf.Widen(Path.Combine(TestPaths.Golden("gemma3"), "official.bf16.gguf"), _folder.File("wide.gguf"));
        await RunAsync(_folder.File("wide.gguf"), "q4.gguf", new ConversionOptions { Type = "Q4_0", Provenance = false });
        var plan = ConversionPlan.Create(_folder.File("q4.gguf"), _folder.File("again.gguf"), new ConversionOptions { Type = "Q4_0", Provenance = false });
        Assert.Empty(plan.Warnings);
        var result = await ModelConverter.RunAsync(plan, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(1, result.ExactFraction);
        Assert.True(File.ReadAllBytes(_folder.File("q4.gguf")).AsSpan().SequenceEqual(File.ReadAllBytes(_folder.File("again.gguf"))));
    }

    [Fact]
    public async Task RequantisingIsToldOf()
    {
        var plan = ConversionPlan.Create(Path.Combine(TestPaths.Golden("llama"), "official.q8_0.gguf"), _folder.File("q4.gguf"), new ConversionOptions { Type = "Q4_0" });
        Assert.Contains("Q8_0", Assert.Single(plan.Warnings), StringComparison.Ordinal);
        var result = await ModelConverter.RunAsync(plan, cancellationToken: TestContext.Current.CancellationToken);
        Assert.InRange(result.ExactFraction, 0, 0.9);
        Assert.Empty(ConversionPlan.Create(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), _folder.File("q4.gguf"), new ConversionOptions { Type = "Q4_0" }).Warnings);
    }

    [Fact]
    public void PlanHasTheShapeOfTheModel()
    {
        var source = Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf");
        var shape = ConversionPlan.Create(source, _folder.File("same.gguf"), new ConversionOptions { Type = "BF16" }).ToShape();
        var expected = ModelShape.FromGguf(GgufFile.Read(source));
        Assert.Equal(expected.Layers, shape.Layers);
        Assert.Equal(expected.LayerBytes, shape.LayerBytes);
    }

    [Fact]
    public void WhatIsNoModelIsRefused()
    {
        var model = Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf");
        TestGguf.Edit(model, _folder.File("adapter.gguf"), metadata => metadata.Set("general.type", "adapter"));
        Assert.Contains("is an adapter", Fails(ErrorKind.InvalidArgument, _folder.File("adapter.gguf")).Message, StringComparison.Ordinal);
        TestGguf.Edit(model, _folder.File("imatrix.gguf"), metadata => metadata.Set("general.type", "imatrix"));
        Assert.Contains("'imatrix'", Fails(ErrorKind.InvalidArgument, _folder.File("imatrix.gguf")).Message, StringComparison.Ordinal);

        var bytes = File.ReadAllBytes(model);
        File.WriteAllBytes(_folder.File("cut.gguf"), bytes.AsSpan(0, bytes.Length - 40));
        Assert.Contains("cut.gguf", Fails(ErrorKind.CorruptFile, _folder.File("cut.gguf")).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder.File("text.gguf"), "no GGUF at all");
        Fails(ErrorKind.CorruptFile, _folder.File("text.gguf"));
    }

    [Fact]
    public void ProjectorWithoutHeadsIsNotMixedByThem()
    {
        foreach (var recipe in MixesByHeads)
        {
            var source = Path.Combine(TestPaths.Golden("gemma3-vision"), "official.mmproj.bf16.gguf");
            var error = Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(source, _folder.File("never.gguf"), new ConversionOptions { Type = recipe }));
            Assert.Equal(ErrorKind.UnsupportedType, error.Kind);
            Assert.Contains(recipe, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task SourceIsNotReplaced()
    {
        var source = _folder.File("model.gguf");
        File.Copy(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), source);
        var plan = ConversionPlan.Create(source, source, new ConversionOptions { Type = "Q8_0", Overwrite = true });
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
    }

    [Fact]
    public void TypesThatCannotBeDecodedAreNamedWithTheirTensors()
    {
        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", "llama");
        var layout = GgufLayout.Create(metadata, [new GgufTensorSpec("blk.0.attn_q.weight", GgmlType.Q8_K, [256, 4])]);
        File.WriteAllBytes(_folder.File("odd.gguf"), [.. layout.Header.ToArray(), .. new byte[layout.FileBytes - layout.Header.Length]]);
        var error = Fails(ErrorKind.UnsupportedType, _folder.File("odd.gguf"));
        Assert.Contains("Q8_K", error.Message, StringComparison.Ordinal);
        Assert.Contains("blk.0.attn_q.weight", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model-BF16.gguf", "model-Q4_0.gguf")]
    [InlineData("model.Q4_K_M.gguf", "model-Q4_0.gguf")]
    [InlineData("gemma-3-1b-it-UD-Q2_K_XL-00001-of-00003.gguf", "gemma-3-1b-it-Q4_0.gguf")]
    [InlineData("Q8_0.gguf", "Q8_0-Q4_0.gguf")]
    public void OutputIsNamedAfterTheModel(string source, string expected)
    {
        File.Copy(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), _folder.File(source));
        Assert.Equal(expected, ConversionPlan.DefaultFileName(_folder.File(source), "org/repository", "q4_0"));
    }

    public void Dispose() => _folder.Dispose();

    private Task<ConversionResult> RunAsync(string source, string output, ConversionOptions options)
        => ModelConverter.RunAsync(ConversionPlan.Create(source, _folder.File(output), options), cancellationToken: TestContext.Current.CancellationToken);

    private ModelOpsException Fails(ErrorKind kind, string source, string recipe = "Q4_0")
    {
        var error = Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(source, _folder.File("never.gguf"), new ConversionOptions { Type = recipe }));
        Assert.Equal(kind, error.Kind);
        return error;
    }

    private Task AssertSameBytesAsync(string source, string recipe)
        => QuantizeParity.AssertSameBytesAsync(source, _folder.File("expected.gguf"), _folder.File("actual.gguf"), new ConversionOptions { Type = recipe });
}
