using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using ModelOps.Formats;

namespace ModelOps.Tests.Quantization;

/// <summary>Importance matrices of a <see cref="TestModel"/>, written as llama-imatrix does.</summary>
internal static class TestImportance
{
    /// <summary>Recipes that llama-quantize refuses without one.</summary>
    public static readonly string[] NeedingIt = ["Q2_K_S", "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "IQ3_XS"];

    /// <summary>A matrix without numbers, as happens in real files.</summary>
    private const string Missing = "blk.1.attn_v.weight";

    /// <summary>Each is written many times, once a recipe.</summary>
    private static readonly ConcurrentDictionary<(TestModel Model, bool IsComplete), (byte[] Bytes, Dictionary<string, float[]> Means)> Written = new();

    /// <summary>Matrices of the model by name, columns and number of experts; neither table nor output has numbers, as in a real file.</summary>
    private static IEnumerable<(string Name, int Columns, int Experts)> Measured(TestModel model)
        => model.Tensors().Where(tensor => tensor.Shape.Length > 1 && tensor.Name is not ("token_embd.weight" or "output.weight"))
            .Select(tensor => (tensor.Name, (int)tensor.Shape[0], tensor.Shape.Length > 2 ? (int)tensor.Shape[2] : 1));

    /// <summary>Writes sums and counts of all matrices but one, as a GGUF file; returns the means.</summary>
    public static Dictionary<string, float[]> WriteGguf(string path, TestModel model) => WriteGguf(path, model, isComplete: false);

    /// <summary>The same of all.</summary>
    public static Dictionary<string, float[]> WriteComplete(string path, TestModel model) => WriteGguf(path, model, isComplete: true);

    private static Dictionary<string, float[]> WriteGguf(string path, TestModel model, bool isComplete)
    {
        var (bytes, means) = Written.GetOrAdd((model, isComplete), _ => ToBytes(Measured(model).Where(tensor => isComplete || tensor.Name != Missing)));
        File.WriteAllBytes(path, bytes);
        return means;
    }

    private static (byte[] Bytes, Dictionary<string, float[]> Means) ToBytes(IEnumerable<(string Name, int Columns, int Experts)> matrices)
    {
        var random = new Random(5);
        var means = new Dictionary<string, float[]>();
        var tensors = new List<(string Name, long[] Shape, float[] Values)>();
        foreach (var (name, columns, experts) in matrices)
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
        return (bytes, means);
    }

    /// <summary>The same in the format before GGUF.</summary>
    public static Dictionary<string, float[]> WriteLegacy(string path, TestModel model) => WriteLegacy(path, model, random => MathF.Exp(WeightSamples.Gaussian(random) * 3));

    /// <summary>The same with numbers of one's own.</summary>
    public static Dictionary<string, float[]> WriteLegacy(string path, TestModel model, Func<Random, float> number)
        => WriteLegacy(path, [.. Measured(model).Where(tensor => tensor.Name != Missing)], number);

    /// <summary>The same of any matrices.</summary>
    public static Dictionary<string, float[]> WriteLegacy(string path, IReadOnlyList<(string Name, int Columns, int Experts)> matrices, Func<Random, float> number)
    {
        var random = new Random(6);
        var means = new Dictionary<string, float[]>();
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write(matrices.Count);
        foreach (var (name, columns, experts) in matrices)
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
