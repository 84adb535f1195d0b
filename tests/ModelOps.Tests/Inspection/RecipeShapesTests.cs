using System.Text.Json;
using ModelOps.Fit;
using ModelOps.Tests.Conversion;
using Xunit;

namespace ModelOps.Tests.Inspection;

/// <summary>What a fit says of a model in another recipe is what the plan of that conversion says, which is tested against llama-quantize.</summary>
public sealed class RecipeShapesTests : IDisposable
{
    private static readonly string[] Recipes = ["F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "IQ4_XS", "Q3_K_M", "Q2_K"];

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Files { get; } =
    [
        .. Directory.EnumerateFiles(Path.Combine(TestPaths.Assets, "golden"), "official.*.gguf", SearchOption.AllDirectories)
            .Where(file => !file.Contains("-vision", StringComparison.Ordinal) && !file.Contains("lora", StringComparison.Ordinal))
            .Select(file => Path.GetRelativePath(Path.Combine(TestPaths.Assets, "golden"), file)).Order(StringComparer.Ordinal),
    ];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(ShapeWithoutVocabularyTests.Goldens), MemberType = typeof(ShapeWithoutVocabularyTests))]
    public void OfACheckpointAreThoseOfItsConversion(string golden)
    {
        var source = Path.Combine(TestPaths.Golden(golden), "hf");
        foreach (var from in (string[])["BF16", "Q4_K_M"])
        {
            AssertPlanned(source, ModelShapeReader.Read(source, ModelKind.Checkpoint, "m", from));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void OfAFileAreThoseOfItsConversion(string file)
    {
        var source = Path.Combine(TestPaths.Assets, "golden", file);
        AssertPlanned(source, ModelShapeReader.Read(source, ModelKind.Gguf, "m"));
    }

    private void AssertPlanned(string source, ModelShape model)
    {
        foreach (var recipe in Recipes)
        {
            var planned = ConversionPlan.Create(source, _folder.File("out.gguf"), new ConversionOptions { Type = recipe, KeepLattice = false }).ToShape() with { Name = "m" };
            Assert.Equal(recipe + Text(planned), recipe + Text(RecipeShapes.With(model, Recipe.Parse(recipe))));
        }
    }

    // The order of groups says nothing, nor does a last dimension of 1, which a copied file keeps and a written one does not.
    private static string Text(ModelShape shape) => JsonSerializer.Serialize(shape with
    {
        Tensors =
        [
            .. shape.Tensors.Select(group => group with { Shape = group.Shape is [var length, 1] ? [length] : group.Shape })
                .OrderBy(group => group.Name, StringComparer.Ordinal).ThenBy(group => group.Bytes).ThenBy(group => group.Layers.FirstOrDefault()),
        ],
    });
}
