using ModelOps.Formats;
using ModelOps.Quantization;
using Xunit;

namespace ModelOps.Tests.Quantization;

/// <summary>llama_model_quantize of the pinned libllama on files of llama.cpp's converter: the same types and the same bytes, tensor by tensor.</summary>
public sealed class WholeFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("modelops-quantize-");

    public static TheoryData<string, string> Cases { get; } =
        [.. from model in new[] { "llama", "llama3-rope", "mistral", "gemma3" } from recipe in new[] { "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q6_K", "Q8_0" } select (model, recipe)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void TypesAndBytesAreThoseOfLlamaQuantize(string model, string recipeName)
    {
        GgmlOracle.RequireX64();
        var compared = Compare(Path.Combine(TestPaths.Golden(model), "official.bf16.gguf"), Recipe.Parse(recipeName));
        // The rows of these models are too short for super-blocks.
        Assert.Contains(recipeName == "Q6_K" ? GgmlType.Q8_0 : Recipe.Parse(recipeName).BaseType, compared);
    }

    [Theory]
    [InlineData("Q4_0", "llama")]
    [InlineData("Q4_0", "gemma3")]
    [InlineData("Q5_1", "gemma3")]
    [InlineData("Q6_K", "llama")]
    public void LongRowsGetSuperBlocks(string recipeName, string model)
    {
        GgmlOracle.RequireX64();
        var path = Path.Combine(_folder.FullName, "long.gguf");
        TestGguf.Widen(Path.Combine(TestPaths.Golden(model), "official.bf16.gguf"), path);

        var compared = Compare(path, Recipe.Parse(recipeName));

        Assert.Contains(Recipe.Parse(recipeName).BaseType, compared);
        Assert.Contains(GgmlType.Q6_K, compared);
    }

    [Fact]
    public void LayoutWritesTheHeaderOfLlamaCppsOwnWriter()
    {
        // The golden files come from gguf-py; this one from gguf.cpp.
        var path = Path.Combine(_folder.FullName, "quantized.gguf");
        LlamaQuantize.Run(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), path, Recipe.Parse("Q4_0"));
        var file = GgufFile.Read(path);
        var layout = GgufLayout.Create(file.Metadata, [.. file.Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Shape))]);
        Assert.True(layout.Header.Span.SequenceEqual(File.ReadAllBytes(path).AsSpan(0, layout.Header.Length)));
        Assert.Equal(file.FileBytes, layout.FileBytes);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private List<GgmlType> Compare(string input, Recipe recipe)
    {
        var source = GgufFile.Read(input);
        var path = Path.Combine(_folder.FullName, "quantized.gguf");
        LlamaQuantize.Run(source.Path!, path, recipe);
        var expected = GgufFile.Read(path);
        var types = TensorTypes.Choose(recipe, RecipeOverrides.None, [.. source.Tensors.Select(tensor => new MixedTensor(tensor.Name, tensor.Shape, tensor.Type))], MixTraits.Of(source.Metadata));
        var original = File.ReadAllBytes(source.Path!);
        var bytes = File.ReadAllBytes(path);

        Assert.Equal(recipe.FileType, expected.Metadata.GetInteger("general.file_type"));
        Assert.Equal(source.Tensors.Count, expected.Tensors.Count);
        foreach (var tensor in expected.Tensors)
        {
            var from = source.Tensors.Single(candidate => candidate.Name == tensor.Name);
            Assert.True(tensor.Type == types[source.Tensors.ToList().IndexOf(from)].Type, $"{tensor.Name} is {tensor.Type}");
            var weights = new float[from.Weights];
            TensorQuantizer.Dequantize(from.Type, original.AsSpan((int)from.Offset, (int)from.Bytes), weights);
            var actual = new byte[tensor.Bytes];
            TensorQuantizer.Quantize(tensor.Type, weights, actual, (int)tensor.Shape[0]);
            Assert.True(bytes.AsSpan((int)tensor.Offset, (int)tensor.Bytes).SequenceEqual(actual), $"The bytes of {tensor.Name} differ.");
        }
        return [.. expected.Tensors.Select(tensor => tensor.Type)];
    }
}
