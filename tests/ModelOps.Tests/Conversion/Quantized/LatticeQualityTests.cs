using System.Globalization;
using Xunit;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>
/// What keeping a checkpoint's lattice is worth: the engine's own answers, against those of the checkpoint's weights in F32. The figures are printed
/// (docs/benchmarks.md).
/// </summary>
public sealed class LatticeQualityTests(ITestOutputHelper output)
{
    /// <param name="group">Group size of the checkpoint.</param>
    /// <param name="isSymmetric">Whether its zeros are all in the middle.</param>
    /// <param name="recipe">What both conversions are asked for.</param>
    /// <param name="kept">The type that keeps the lattice.</param>
    /// <param name="pure">Whether embeddings, which are not quantised in the checkpoint, stay F16: then nothing else differs.</param>
    [Theory]
    [InlineData(32, true, "Q4_0", GgmlType.Q4_0, false)]
    [InlineData(128, true, "Q4_0", GgmlType.Q4_0, true)]
    [InlineData(128, false, "Q4_1", GgmlType.Q4_1, true)]
    public Task KeptLattice_IsFarNearerThanRoundedAnew(int group, bool isSymmetric, string recipe, GgmlType kept, bool pure) => CompareAsync(group, isSymmetric, recipe, kept, pure, least: 5, characters: 12_000);

    /// <summary>The same on the whole text, with what else there is; run by hand for its figures.</summary>
    [Theory(Explicit = true)]
    [InlineData(32, true, "Q4_0", GgmlType.Q4_0, false)]
    [InlineData(32, true, "Q4_0", GgmlType.Q4_0, true)]
    [InlineData(128, true, "Q4_0", GgmlType.Q4_0, true)]
    [InlineData(128, true, "Q4_K_M", GgmlType.Q4_0, true)]
    [InlineData(32, false, "Q4_1", GgmlType.Q4_1, true)]
    [InlineData(128, false, "Q4_1", GgmlType.Q4_1, true)]
    [InlineData(128, false, "Q5_K_M", GgmlType.Q5_0, true)]
    public Task Figures(int group, bool isSymmetric, string recipe, GgmlType kept, bool pure) => CompareAsync(group, isSymmetric, recipe, kept, pure, least: 1, characters: int.MaxValue);

    private async Task CompareAsync(int group, bool isSymmetric, string recipe, GgmlType kept, bool pure, double least, int characters)
    {
        using var folder = new TemporaryFolder();
        var checkpoint = GptqDemo.Save(folder, group, isSymmetric);
        var reference = await ConvertAsync("F32", "reference", keep: true);
        var repacked = await ConvertAsync(recipe, "kept", keep: true);
        var requantized = await ConvertAsync(recipe, "rounded", keep: false);
        Assert.Equal(28, repacked.Tensors.Count(tensor => tensor.Lattice && tensor.Type == kept));
        Assert.DoesNotContain(requantized.Tensors, tensor => tensor.Lattice);

        var text = await File.ReadAllTextAsync(TestPaths.EvalText);
        var (near, far) = (await MeasureAsync(repacked), await MeasureAsync(requantized));
        Print($"gptq 4 bit {(isSymmetric ? "sym" : "asym")} g{group}{(pure ? ", embeddings F16" : "")}", "kept", repacked, near);
        Print("", $"{recipe} --no-lattice", requantized, far);
        Assert.True(near.Kld < far.Kld / least, $"{near.Kld} kept, {far.Kld} rounded anew");

        Task<ConversionResult> ConvertAsync(string type, string name, bool keep) => ModelConverter.RunAsync(ConversionPlan.Create(checkpoint, folder.File(name + ".gguf"), new ConversionOptions
        {
            Type = type,
            KeepLattice = keep,
            Overrides = pure && type != "F32" ? new RecipeOverrides { EmbeddingType = GgmlType.F16 } : RecipeOverrides.None,
        }));

        Task<QualityResult> MeasureAsync(ConversionResult model)
            => QualityMeter.MeasureAsync(new MeasureRequest { ModelPath = model.Output, ReferencePath = reference.Output, Text = text[..Math.Min(text.Length, characters)], ContextLength = 256, GpuLayers = 0 });
    }

    private void Print(string checkpoint, string conversion, ConversionResult result, QualityResult quality)
    {
        var tensors = result.Tensors.Where(tensor => tensor.Name.StartsWith("blk.", StringComparison.Ordinal) && tensor.Type.BlockLength() > 1).ToList();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {checkpoint} | {conversion} | {tensors[0].Type} | {result.Bytes:N0} | {100.0 * tensors.Sum(tensor => tensor.ExactWeights) / tensors.Sum(tensor => tensor.Weights):0.00} % | {tensors.Max(tensor => tensor.LargestError):0.0e+0} | {tensors.Max(tensor => tensor.RelativeError):0.0e+0} | {quality.Kld:0.000000} | {100 * quality.Top1Agreement:0.00} % |"));
    }
}
