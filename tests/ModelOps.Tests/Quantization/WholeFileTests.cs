using System.Runtime.InteropServices;
using ModelOps.Formats;
using ModelOps.Quantization;
using Xunit;

namespace ModelOps.Tests.Quantization;

/// <summary>llama_model_quantize of the pinned libllama on files of llama.cpp's converter: the same types and the same bytes, tensor by tensor.</summary>
public sealed unsafe class WholeFileTests : IDisposable
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
        var golden = GgufFile.Read(Path.Combine(TestPaths.Golden(model), "official.bf16.gguf"));
        var layout = GgufLayout.Create(golden.Metadata, [.. golden.Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, Widened(tensor)))]);
        var path = Path.Combine(_folder.FullName, "long.gguf");
        var bytes = new byte[layout.FileBytes];
        layout.Header.Span.CopyTo(bytes);
        var random = new Random(17);
        foreach (var tensor in layout.Tensors)
        {
            var weights = new float[tensor.Weights];
            foreach (ref var weight in weights.AsSpan())
            {
                weight = WeightSamples.Gaussian(random) * 0.02f;
            }
            TensorQuantizer.Quantize(tensor.Type, weights, bytes.AsSpan((int)tensor.Offset, (int)tensor.Bytes), (int)tensor.Shape[0]);
        }
        File.WriteAllBytes(path, bytes);

        var compared = Compare(path, Recipe.Parse(recipeName));

        Assert.Contains(Recipe.Parse(recipeName).BaseType, compared);
        Assert.Contains(GgmlType.Q6_K, compared);
    }

    [Fact]
    public void LayoutWritesTheHeaderOfLlamaCppsOwnWriter()
    {
        // The golden files come from gguf-py; this one from gguf.cpp.
        var path = Path.Combine(_folder.FullName, "quantized.gguf");
        Quantize(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), path, Recipe.Parse("Q4_0").FileType);
        var file = GgufFile.Read(path);
        var layout = GgufLayout.Create(file.Metadata, [.. file.Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Shape))]);
        Assert.True(layout.Header.Span.SequenceEqual(File.ReadAllBytes(path).AsSpan(0, layout.Header.Length)));
        Assert.Equal(file.FileBytes, layout.FileBytes);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>The same tensor with rows of 512, those of ffn_down (which is whole 32-blocks, but no whole super-blocks) with 288.</summary>
    private static long[] Widened(GgufTensor tensor) => tensor.Shape.Count == 1
        ? [.. tensor.Shape]
        : [tensor.Name.Contains("ffn_down", StringComparison.Ordinal) ? 288 : 512, 16];

    private List<GgmlType> Compare(string input, Recipe recipe)
    {
        var source = GgufFile.Read(input);
        var path = Path.Combine(_folder.FullName, "quantized.gguf");
        Quantize(source.Path!, path, recipe.FileType);
        var expected = GgufFile.Read(path);
        var tied = source.Tensors.All(tensor => tensor.Name != "output.weight");
        var original = File.ReadAllBytes(source.Path!);
        var bytes = File.ReadAllBytes(path);

        Assert.Equal(recipe.FileType, expected.Metadata.GetInteger("general.file_type"));
        Assert.Equal(source.Tensors.Count, expected.Tensors.Count);
        foreach (var tensor in expected.Tensors)
        {
            var from = source.Tensors.Single(candidate => candidate.Name == tensor.Name);
            Assert.True(tensor.Type == recipe.TypeFor(from.Name, from.Shape, tied), $"{tensor.Name} is {tensor.Type}");
            var weights = new float[from.Weights];
            TensorQuantizer.Dequantize(from.Type, original.AsSpan((int)from.Offset, (int)from.Bytes), weights);
            var actual = new byte[tensor.Bytes];
            TensorQuantizer.Quantize(tensor.Type, weights, actual, (int)tensor.Shape[0]);
            Assert.True(bytes.AsSpan((int)tensor.Offset, (int)tensor.Bytes).SequenceEqual(actual), $"The bytes of {tensor.Name} differ.");
        }
        return [.. expected.Tensors.Select(tensor => tensor.Type)];
    }

    private static void Quantize(string source, string destination, int fileType)
    {
        GgmlOracle.Load("ggml-base");
        GgmlOracle.Load("ggml");
        var llama = GgmlOracle.Load("llama");
        ((delegate* unmanaged[Cdecl]<void>)NativeLibrary.GetExport(llama, "llama_backend_init"))();
        var parameters = ((delegate* unmanaged[Cdecl]<QuantizeParameters>)NativeLibrary.GetExport(llama, "llama_model_quantize_default_params"))();
        Assert.Equal((7, 1), (parameters.FileType, parameters.QuantizeOutput));
        parameters.FileType = fileType;
        parameters.Threads = 1;
        var quantize = (delegate* unmanaged[Cdecl]<byte*, byte*, QuantizeParameters*, uint>)NativeLibrary.GetExport(llama, "llama_model_quantize");
        var (from, to) = (Marshal.StringToCoTaskMemUTF8(source), Marshal.StringToCoTaskMemUTF8(destination));
        try
        {
            Assert.Equal(0u, quantize((byte*)from, (byte*)to, &parameters));
        }
        finally
        {
            Marshal.FreeCoTaskMem(from);
            Marshal.FreeCoTaskMem(to);
        }
    }

    /// <summary>llama_model_quantize_params of v0.4.0.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct QuantizeParameters
    {
        public int Threads;
        public int FileType;
        public int OutputType;
        public int EmbeddingType;
        public byte AllowRequantize;
        public byte QuantizeOutput;
        public byte OnlyCopy;
        public byte Pure;
        public byte KeepSplit;
        public byte DryRun;
        public nint ImportanceMatrix;
        public nint Overrides;
        public nint TensorOverrides;
        public nint PrunedLayers;
    }
}
