using System.Runtime.InteropServices;
using System.Text;
using ModelOps.Formats;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Conversions by an importance matrix, against llama_model_quantize of the pinned libllama with the same numbers: the same bytes.</summary>
public sealed class ImportanceMatrixTests : IDisposable
{
    private static readonly TestModel Dense = new("llama", 16, 8, 4), Experts = new("qwen3moe", 16, 8, 8, Experts: 4);

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Recipes { get; } = [.. Recipe.All.Where(recipe => recipe.BaseType.BlockLength() > 1).Select(recipe => recipe.Name)];

    [Theory]
    [MemberData(nameof(Recipes))]
    public async Task GgufFileGivesTheBytesOfLlamaQuantize(string recipe)
    {
        await CompareAsync(Dense, recipe, WriteGguf);
        await CompareAsync(Experts, recipe, WriteGguf);
    }

    [Theory]
    [InlineData("Q4_K_M")]
    [InlineData("Q4_0")]
    [InlineData("IQ4_XS")]
    public Task OlderFormatGivesThemToo(string recipe) => CompareAsync(Dense, recipe, WriteLegacy);

    [Fact]
    public async Task NumbersChangeTheBytes()
    {
        await CompareAsync(Dense, "Q4_K_M", WriteGguf);
        var with = await File.ReadAllBytesAsync(_folder.File("actual.gguf"), TestContext.Current.CancellationToken);
        await RunAsync("Q4_K_M", matrix: null);
        Assert.NotEqual(with[^1000..], (await File.ReadAllBytesAsync(_folder.File("actual.gguf"), TestContext.Current.CancellationToken))[^1000..]);
    }

    [Fact]
    public void TensorsWithoutNumbersAreNamed()
    {
        Dense.Write(_folder.File("source.gguf"));
        WriteGguf(_folder.File("imatrix"), Dense);
        var warning = Assert.Single(Plan("Q4_K_M", _folder.File("imatrix")).Warnings);
        Assert.Contains("output.weight", warning, StringComparison.Ordinal);
        Assert.Contains("blk.1.attn_v.weight", warning, StringComparison.Ordinal);
        Assert.DoesNotContain("token_embd", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsOfAnotherModelOrDamagedIsRefused()
    {
        Dense.Write(_folder.File("source.gguf"));
        WriteGguf(_folder.File("other"), new TestModel("llama", 16, 8, 4) { FeedForward = 512 });
        Fails(ErrorKind.InvalidArgument, _folder.File("other"), "blk.0.ffn_down.weight");
        Fails(ErrorKind.FileNotFound, _folder.File("missing"), "missing");
        Fails(ErrorKind.CorruptFile, _folder.File("source.gguf"), "imatrix.datasets");

        WriteLegacy(_folder.File("legacy"), Dense);
        var bytes = File.ReadAllBytes(_folder.File("legacy"));
        foreach (var length in new[] { 2, 4, 6, 10, 40, bytes.Length / 2 })
        {
            File.WriteAllBytes(_folder.File("cut"), bytes.AsSpan(0, length));
            Fails(ErrorKind.CorruptFile, _folder.File("cut"), "cut");
        }
        // The length of the first entry's name, and a number that is none.
        File.WriteAllBytes(_folder.File("long"), [.. bytes[..4], 255, 255, 255, 127, .. bytes[8..]]);
        Fails(ErrorKind.CorruptFile, _folder.File("long"), "long");
        WriteLegacy(_folder.File("nan"), Dense, _ => float.NaN);
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

    /// <summary>Matrices of the model by name, columns and number of experts; some have no numbers, as in a real file.</summary>
    private static IEnumerable<(string Name, int Columns, int Experts)> Measured(TestModel model)
        => model.Tensors().Where(tensor => tensor.Shape.Length > 1 && tensor.Name is not ("token_embd.weight" or "output.weight" or "blk.1.attn_v.weight"))
            .Select(tensor => (tensor.Name, (int)tensor.Shape[0], tensor.Shape.Length > 2 ? (int)tensor.Shape[2] : 1));

    /// <summary>Writes sums and counts; returns the means.</summary>
    private static Dictionary<string, float[]> WriteGguf(string path, TestModel model)
    {
        var random = new Random(5);
        var means = new Dictionary<string, float[]>();
        var tensors = new List<(string Name, long[] Shape, float[] Values)>();
        foreach (var (name, columns, experts) in Measured(model))
        {
            // An expert that was never asked, and sums over a wide range.
            var counts = Enumerable.Range(0, experts).Select(expert => experts > 1 && expert == 1 ? 0f : 512 + expert).ToArray();
            var sums = Enumerable.Range(0, columns * experts).Select(_ => MathF.Exp(WeightSamples.Gaussian(random) * 3)).ToArray();
            means.Add(name, [.. sums.Select((sum, i) => counts[i / columns] > 0 ? sum / counts[i / columns] : 1)]);
            tensors.Add((name + ".in_sum2", [columns, experts], sums));
            tensors.Add((name + ".counts", [1, experts], counts));
        }
        var metadata = new GgufMetadata();
        metadata.Set("general.type", "imatrix");
        metadata.Set("imatrix.datasets", new[] { "some text", "another" });
        metadata.Set("imatrix.chunk_count", 7u);
        metadata.Set("imatrix.chunk_size", 512u);
        var layout = GgufLayout.Create(metadata, tensors.ConvertAll(tensor => new GgufTensorSpec(tensor.Name, GgmlType.F32, tensor.Shape)));
        var bytes = new byte[layout.FileBytes];
        layout.Header.Span.CopyTo(bytes);
        foreach (var (tensor, placed) in tensors.Zip(layout.Tensors))
            MemoryMarshal.AsBytes(tensor.Values.AsSpan()).CopyTo(bytes.AsSpan((int)placed.Offset));
        File.WriteAllBytes(path, bytes);
        return means;
    }

    private static Dictionary<string, float[]> WriteLegacy(string path, TestModel model) => WriteLegacy(path, model, random => MathF.Exp(WeightSamples.Gaussian(random) * 3));

    private static Dictionary<string, float[]> WriteLegacy(string path, TestModel model, Func<Random, float> number)
    {
        var random = new Random(6);
        var means = new Dictionary<string, float[]>();
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write(Measured(model).Count());
        foreach (var (name, columns, experts) in Measured(model))
        {
            // One that was never added to is taken as it is.
            var calls = means.Count == 3 ? 0 : 9;
            var sums = Enumerable.Range(0, columns * experts).Select(_ => number(random)).ToArray();
            means.Add(name, [.. sums.Select(sum => calls > 0 ? sum / calls : sum)]);
            writer.Write(name.Length);
            writer.Write(Encoding.UTF8.GetBytes(name));
            writer.Write(calls);
            writer.Write(sums.Length);
            foreach (var sum in sums)
                writer.Write(sum);
        }
        writer.Write(7);
        writer.Write("some text".Length);
        writer.Write(Encoding.UTF8.GetBytes("some text"));
        return means;
    }
}
