using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Conversions by an importance matrix, against llama_model_quantize of the pinned libllama with the same numbers: the same bytes.</summary>
public sealed class ImportanceMatrixTests : IDisposable
{
    private static readonly TestModel Dense = new("llama", 16, 8, 4), Experts = new("qwen3moe", 16, 8, 8, Experts: 4);

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Recipes { get; } = [.. Recipe.All.Where(recipe => recipe.BaseType.BlockLength() > 1).Select(recipe => recipe.Name)];

    public static TheoryData<string> NeedingNumbers { get; } = [.. TestImportance.NeedingIt];

    [Theory]
    [MemberData(nameof(Recipes))]
    public async Task GgufFileGivesTheBytesOfLlamaQuantize(string recipe)
    {
        // With these alone llama-quantize asks for numbers of the tensor that has none.
        Func<string, TestModel, Dictionary<string, float[]>> write = recipe is "Q2_K_S" or "IQ3_XXS" ? TestImportance.WriteComplete : TestImportance.WriteGguf;
        await CompareAsync(Dense, recipe, write);
        await CompareAsync(Experts, recipe, write);
    }

    [Theory]
    [InlineData("Q4_K_M")]
    [InlineData("Q4_0")]
    [InlineData("IQ4_XS")]
    public Task OlderFormatGivesThemToo(string recipe) => CompareAsync(Dense, recipe, TestImportance.WriteLegacy);

    [Fact]
    public async Task NumbersChangeTheBytes()
    {
        await CompareAsync(Dense, "Q4_K_M", TestImportance.WriteGguf);
        var with = await File.ReadAllBytesAsync(_folder.File("actual.gguf"), TestContext.Current.CancellationToken);
        await RunAsync("Q4_K_M", matrix: null);
        Assert.NotEqual(with[^1000..], (await File.ReadAllBytesAsync(_folder.File("actual.gguf"), TestContext.Current.CancellationToken))[^1000..]);
    }

    [Fact]
    public void TensorsWithoutNumbersAreNamed()
    {
        Dense.Write(_folder.File("source.gguf"));
        TestImportance.WriteGguf(_folder.File("imatrix"), Dense);
        var warning = Assert.Single(Plan("Q4_K_M", _folder.File("imatrix")).Warnings);
        Assert.Contains("output.weight", warning, StringComparison.Ordinal);
        Assert.Contains("blk.1.attn_v.weight", warning, StringComparison.Ordinal);
        Assert.DoesNotContain("token_embd", warning, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(NeedingNumbers))]
    public void TypesOfFewBitsAreRefusedWithoutNumbers(string recipe)
    {
        GgmlOracle.RequireX64();
        Dense.Write(_folder.File("source.gguf"));
        Assert.False(LlamaQuantize.TryRun(_folder.File("source.gguf"), _folder.File("expected.gguf"), Recipe.Parse(recipe), requantize: false));
        Refused(null, "which only an importance matrix can round well");
        TestImportance.WriteGguf(_folder.File("imatrix"), new TestModel("llama", 8, 8, 4));
        Refused(_folder.File("imatrix"), "has nothing for");

        void Refused(string? matrix, string said)
        {
            var error = Assert.Throws<ModelOpsException>(() => Plan(recipe, matrix));
            Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
            Assert.Contains(said, error.Message, StringComparison.Ordinal);
            Assert.Contains(recipe, error.Message, StringComparison.Ordinal);
            Assert.NotNull(error.Hint);
            Assert.False(File.Exists(_folder.File("actual.gguf")));
        }
    }

    [Fact]
    public void WhatIsOfAnotherModelOrDamagedIsRefused()
    {
        Dense.Write(_folder.File("source.gguf"));
        TestImportance.WriteGguf(_folder.File("other"), new TestModel("llama", 16, 8, 4) { FeedForward = 512 });
        Fails(ErrorKind.InvalidArgument, _folder.File("other"), "blk.0.ffn_down.weight");
        Fails(ErrorKind.FileNotFound, _folder.File("missing"), "missing");
        Fails(ErrorKind.CorruptFile, _folder.File("source.gguf"), "imatrix.datasets");

        TestImportance.WriteLegacy(_folder.File("legacy"), Dense);
        var bytes = File.ReadAllBytes(_folder.File("legacy"));
        foreach (var length in new[] { 2, 4, 6, 10, 40, bytes.Length / 2 })
        {
            File.WriteAllBytes(_folder.File("cut"), bytes.AsSpan(0, length));
            Fails(ErrorKind.CorruptFile, _folder.File("cut"), "cut");
        }
        // The length of the first entry's name, and a number that is none.
        File.WriteAllBytes(_folder.File("long"), [.. bytes[..4], 255, 255, 255, 127, .. bytes[8..]]);
        Fails(ErrorKind.CorruptFile, _folder.File("long"), "long");
        TestImportance.WriteLegacy(_folder.File("nan"), Dense, _ => float.NaN);
        Fails(ErrorKind.CorruptFile, _folder.File("nan"), "not finite");
    }

    public void Dispose() => _folder.Dispose();

    private async Task CompareAsync(TestModel model, string recipe, Func<string, TestModel, Dictionary<string, float[]>> write)
    {
        GgmlOracle.RequireX64();
        model.Write(_folder.File("source.gguf"));
        var importance = write(_folder.File("imatrix"), model);
        LlamaQuantize.Run(
            _folder.File("source.gguf"), _folder.File("expected.gguf"), Recipe.Parse(recipe), importance,
            ("quantize.imatrix.file", "imatrix"), ("quantize.imatrix.dataset", "some text"), ("quantize.imatrix.entries_count", importance.Count), ("quantize.imatrix.chunks_count", 7));
        await RunAsync(recipe, _folder.File("imatrix"));
        Assert.True(File.ReadAllBytes(_folder.File("expected.gguf")).AsSpan().SequenceEqual(File.ReadAllBytes(_folder.File("actual.gguf"))));
    }

    private Task RunAsync(string recipe, string? matrix) => ModelConverter.RunAsync(Plan(recipe, matrix), cancellationToken: TestContext.Current.CancellationToken);

    private ConversionPlan Plan(string recipe, string? matrix)
        => ConversionPlan.Create(_folder.File("source.gguf"), _folder.File("actual.gguf"), new ConversionOptions { Type = recipe, ImportanceMatrix = matrix, KeepLattice = false, Overwrite = true });

    private void Fails(ErrorKind kind, string matrix, string said)
    {
        var error = Assert.Throws<ModelOpsException>(() => Plan("Q4_K_M", matrix));
        Assert.Equal(kind, error.Kind);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }
}
