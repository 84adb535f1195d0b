using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// A checkpoint to a quantised file in one pass, against the usual two: to BF16, and that file through llama_model_quantize of the pinned
/// libllama. The BF16 file itself is requantised too, to the same bytes throughout.
/// </summary>
public sealed class CheckpointRecipeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Checkpoints { get; } =
    [
        TestPaths.Model("demo-llama"), TestPaths.Model("demo-gemma"),
        .. new[] { "llama", "gemma3n", "gemma4-26b-a4b", "qwen3moe", "lfm2", "mamba2", "phi3", "deepseek-v3", "qwen3next", "nemotron-h" }.Select(name => Path.Combine(TestPaths.Golden(name), "hf")),
    ];

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public async Task OnePassGivesWhatTwoDo(string checkpoint)
    {
        GgmlOracle.RequireX64();
        var (bf16, expected, actual) = (_folder.File("bf16.gguf"), _folder.File("expected.gguf"), _folder.File("actual.gguf"));
        await RunAsync(checkpoint, bf16, "BF16");
        var compared = 0;
        // The converter's own types come first; Q8_0 has rules of its own there.
        foreach (var recipe in Recipe.All.Where(recipe => recipe.BaseType.BlockLength() > 1 && recipe.BaseType != GgmlType.Q8_0))
        {
            // A row of odd length stops llama-quantize where blocks have 32 weights.
            if (!LlamaQuantize.TryRun(bf16, expected, recipe, requantize: false))
                continue;
            await RunAsync(checkpoint, actual, recipe.Name);
            QuantizeParity.AssertSameContent(expected, actual);
            await QuantizeParity.AssertSameBytesAsync(bf16, expected, actual, new ConversionOptions { Type = recipe.Name });
            compared++;
        }
        Assert.InRange(compared, 5, Recipe.All.Count);
    }

    public void Dispose() => _folder.Dispose();

    private static Task RunAsync(string checkpoint, string output, string type)
        => ModelConverter.RunAsync(
            ConversionPlan.Create(checkpoint, output, new ConversionOptions { Type = type, KeepLattice = false, Overwrite = true }),
            cancellationToken: TestContext.Current.CancellationToken);
}
