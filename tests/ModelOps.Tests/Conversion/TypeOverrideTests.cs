using ModelOps.Conversion;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>What a plan says of overrides: types that rows do not fit, patterns that decide nothing, lattices, the recipe to be given back.</summary>
public sealed class TypeOverrideTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Source => Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf");

    [Fact]
    public void TypesThatRowsDoNotFitAreListedWithTheirCost()
    {
        // Rows of 288 are whole 32-blocks, and no whole super-blocks.
        new TestModel("llama", 4, 8, 8) { FeedForward = 288 }.Write(_folder.File("model.gguf"));
        var plan = Plan(_folder.File("model.gguf"), "Q4_K_S");
        Assert.Equal(["blk.0.ffn_down.weight", "blk.1.ffn_down.weight", "blk.2.ffn_down.weight", "blk.3.ffn_down.weight"], plan.Fallbacks.Select(fallback => fallback.Name));
        // Q4_K has 4.5 bits a weight, Q5_0 5.5, by ggml's block sizes.
        Assert.All(plan.Fallbacks, fallback => Assert.Equal((GgmlType.Q4_K, GgmlType.Q5_0, 288L, 1.0, 2 * 288 / 8L), (fallback.Wanted, fallback.Type, fallback.RowLength, fallback.ExtraBitsPerWeight, fallback.ExtraBytes)));
        Assert.Equal(4 * 2 * 288 / 8, plan.FallbackBytes);
        Assert.All(plan.Fallbacks, fallback => Assert.Equal(fallback.Type, plan.Tensors.Single(tensor => tensor.Name == fallback.Name).Type));
        Assert.Empty(Plan(_folder.File("model.gguf"), "Q8_0").Fallbacks);
        Assert.Empty(Plan(_folder.File("model.gguf"), "Q4_0", new() { OutputType = GgmlType.Q8_0, EmbeddingType = GgmlType.Q4_0 }).Fallbacks);
    }

    [Fact]
    public void OutputThatLlamaQuantizeWidensCountsToo()
    {
        // It gives Q8_0 to an output with rows of no whole super-blocks before it looks for another type.
        var plan = Plan(Source, "Q4_K_M");
        Assert.Equal((GgmlType.Q6_K, GgmlType.Q8_0), plan.Fallbacks.Where(fallback => fallback.Name == "output.weight").Select(fallback => (fallback.Wanted, fallback.Type)).Single());
    }

    [Fact]
    public void TypesWithoutAnotherBecomeF16()
    {
        var plan = Plan(Source, "BF16", new() { TensorTypes = [new("ffn_down", GgmlType.NVFP4)] });
        // Rows of 96: whole blocks of 32, and not of NVFP4's 64, for which llama-quantize knows no other.
        Assert.Equal([(GgmlType.NVFP4, GgmlType.F16)], plan.Fallbacks.Select(fallback => (fallback.Wanted, fallback.Type)).Distinct());
    }

    [Fact]
    public void OtherTypesAreRefusedWhenToldSo()
    {
        var error = Assert.Throws<ModelOpsException>(() => Plan(Source, "Q4_K_M", new() { AllowFallback = false }));
        Assert.Equal(ErrorKind.UnsupportedType, error.Kind);
        Assert.Contains("blk.0.attn_q.weight", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
        Assert.Empty(Plan(Source, "Q8_0", new() { AllowFallback = false }).Fallbacks);
    }

    [Fact]
    public void WhatDecidesNothingIsToldOf()
    {
        var warnings = Plan(Source, "Q8_0", new()
        {
            TensorTypes = [new("ffn_dwon", GgmlType.Q4_0), new("attn_q", GgmlType.Q4_0), new("blk.0.attn_q", GgmlType.Q5_0), new("attn_norm", GgmlType.F16), new("output.weight", GgmlType.Q4_1)],
            OutputType = GgmlType.F16,
        }).Warnings;
        Assert.Collection(
            warnings,
            warning => Assert.Contains("'ffn_dwon' is found in no tensor's name", warning, StringComparison.Ordinal),
            warning => Assert.Contains("'blk.0.attn_q' makes nothing Q5_0", warning, StringComparison.Ordinal),
            warning => Assert.Contains("'attn_norm' makes nothing F16", warning, StringComparison.Ordinal));
        // It has no output matrix of its own, and a pure recipe has none for the table.
        Assert.Contains("output matrix", Assert.Single(Plan(TestPaths.Model("demo-gemma"), "Q4_0", new() { Pure = true, OutputType = GgmlType.F16 }).Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void TypesThatCannotBeWrittenAreRefused()
    {
        foreach (var overrides in new RecipeOverrides[] { new() { OutputType = GgmlType.Q8_1 }, new() { EmbeddingType = GgmlType.I8 }, new() { TensorTypes = [new("attn", GgmlType.Q8_K)] } })
            Assert.Equal(ErrorKind.UnsupportedType, Assert.Throws<ModelOpsException>(() => Plan(Source, "Q4_0", overrides)).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => Plan(Source, "Q4_0", new() { TensorTypes = [new("[", GgmlType.Q8_0)] })).Kind);
    }

    [Fact]
    public void WhatIsAskedForWinsOverALattice()
    {
        var checkpoint = TestPaths.Model("demo-gemma-qat");
        var (found, asked) = (Plan(checkpoint, "Q4_0"), Plan(checkpoint, "Q4_0", new() { TensorTypes = [new("ffn_down", GgmlType.Q6_K), new("attn_q", GgmlType.Q4_0)] }));
        Assert.All(found.Tensors.Where(tensor => tensor.Name.Contains("ffn_down", StringComparison.Ordinal)), tensor => Assert.Equal((GgmlType.Q4_0, true), (tensor.Type, tensor.Lattice)));
        Assert.All(asked.Tensors.Where(tensor => tensor.Name.Contains("ffn_down", StringComparison.Ordinal)), tensor => Assert.False(tensor.Type == GgmlType.Q4_0 || tensor.Lattice));
        // The type that holds it is asked for: then it is kept.
        Assert.All(asked.Tensors.Where(tensor => tensor.Name.Contains("attn_q.", StringComparison.Ordinal)), tensor => Assert.Equal((GgmlType.Q4_0, true), (tensor.Type, tensor.Lattice)));
    }

    /// <summary>llama-quantize takes patterns for such a recipe, and does nothing with them.</summary>
    [Fact]
    public void RecipesOfNumbersTakePatternsToo()
    {
        foreach (var source in new[] { Source, Path.Combine(TestPaths.Golden("llama"), "hf") })
        {
            foreach (var recipe in new[] { "F16", "BF16", "F32", "Q8_0" })
            {
                var plan = Plan(source, recipe, new() { TensorTypes = [new("ffn_up", GgmlType.Q4_0)], OutputType = GgmlType.Q5_0 });
                Assert.Equal(GgmlType.Q4_0, plan.Tensors.Single(tensor => tensor.Name == "blk.1.ffn_up.weight").Type);
                Assert.Equal(GgmlType.Q5_0, plan.Tensors.Single(tensor => tensor.Name == "output.weight").Type);
                Assert.Equal(Recipe.Parse(recipe).BaseType, plan.Tensors.Single(tensor => tensor.Name == "blk.1.ffn_gate.weight").Type);
            }
        }
    }

    [Fact]
    public async Task CheckpointGivesWhatItsFileDoes()
    {
        var overrides = new RecipeOverrides { TensorTypes = [new("ffn_down", GgmlType.Q8_0)], EmbeddingType = GgmlType.F16, PruneLayers = [1] };
        var options = new ConversionOptions { Type = "Q4_0", KeepLattice = false, Provenance = false, Overrides = overrides };
        await ModelConverter.RunAsync(ConversionPlan.Create(TestPaths.Model("demo-llama"), _folder.File("bf16.gguf"), new ConversionOptions { Provenance = false }), cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(LlamaQuantize.TryRun(_folder.File("bf16.gguf"), _folder.File("expected.gguf"), Recipe.Parse("Q4_0"), overrides));
        await ModelConverter.RunAsync(ConversionPlan.Create(TestPaths.Model("demo-llama"), _folder.File("actual.gguf"), options), cancellationToken: TestContext.Current.CancellationToken);
        QuantizeParity.AssertSameContent(_folder.File("expected.gguf"), _folder.File("actual.gguf"));
    }

    [Fact]
    public async Task PlansRecipeMakesTheSameFile()
    {
        var overrides = new RecipeOverrides { TensorTypes = [new("ffn_down", GgmlType.Q8_0)], EmbeddingType = GgmlType.F16, PruneLayers = [1] };
        var plan = Plan(Source, "Q4_0", overrides);
        await ModelConverter.RunAsync(plan, cancellationToken: TestContext.Current.CancellationToken);
        var expected = await File.ReadAllBytesAsync(plan.Output, TestContext.Current.CancellationToken);
        // What the plan says, and what the file itself does.
        foreach (var text in new[] { plan.Recipe.ToJson(), GgufFile.Read(plan.Output).Metadata.GetString("modelops.recipe.file") })
        {
            var again = RecipeFile.Parse(text, "test");
            await ModelConverter.RunAsync(Plan(Source, again.Type, again.Overrides), cancellationToken: TestContext.Current.CancellationToken);
            Assert.True((await File.ReadAllBytesAsync(plan.Output, TestContext.Current.CancellationToken)).AsSpan().SequenceEqual(expected));
        }
        // A stock recipe's file does not say that it was another.
        Assert.False(Plan(plan.Output, "Q8_0").Metadata.ContainsKey("modelops.recipe.file"));
    }

    /// <summary>Two layers of one shape: the headers are the same whichever is left out.</summary>
    [Fact]
    public void OtherLayersAreAnotherConversion()
    {
        var fingerprints = new[] { 0, 1 }.Select(layer => Plan(Source, "Q8_0", new() { PruneLayers = [layer] }, provenance: false)).Select(plan =>
        {
            Assert.True(plan.Layouts()[0].Header.Span.SequenceEqual(Plan(Source, "Q8_0", new() { PruneLayers = [0] }, provenance: false).Layouts()[0].Header.Span));
            return Convert.ToHexString(PlanFingerprint.Of(plan, plan.Layouts(), ChunkRow.Of(plan, plan.TensorSources!)));
        }).ToList();
        Assert.NotEqual(fingerprints[0], fingerprints[1]);
    }

    public void Dispose() => _folder.Dispose();

    private ConversionPlan Plan(string source, string recipe, RecipeOverrides? overrides = null, bool provenance = true)
        => ConversionPlan.Create(source, _folder.File("output.gguf"), new ConversionOptions { Type = recipe, Overrides = overrides ?? RecipeOverrides.None, Provenance = provenance, Overwrite = true });
}
