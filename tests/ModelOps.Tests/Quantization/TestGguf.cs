using ModelOps.Formats;
using ModelOps.Quantization;

namespace ModelOps.Tests.Quantization;

/// <summary>GGUF files made from others: with other metadata, cut into shards, with longer rows.</summary>
internal static class TestGguf
{
    /// <summary>Copies a file with its metadata changed.</summary>
    public static void Edit(string source, string path, Action<GgufMetadata> edit)
    {
        var file = GgufFile.Read(source);
        var metadata = Copy(file.Metadata);
        edit(metadata);
        Write(path, metadata, file, file.Tensors);
    }

    /// <summary>Cuts a file into shards as gguf-split does: the first has the metadata; returns their paths.</summary>
    public static string[] Split(string source, string folder, int count)
    {
        var file = GgufFile.Read(source);
        var paths = Enumerable.Range(0, count).Select(i => Path.Combine(folder, $"split-{i + 1:00000}-of-{count:00000}.gguf")).ToArray();
        for (var i = 0; i < count; i++)
        {
            var metadata = i == 0 ? Copy(file.Metadata) : new GgufMetadata();
            metadata.Set("split.no", (ushort)i);
            metadata.Set("split.count", (ushort)count);
            metadata.Set("split.tensors.count", file.Tensors.Count);
            Write(paths[i], metadata, file, file.Tensors.Skip(file.Tensors.Count * i / count).Take((file.Tensors.Count * (i + 1) / count) - (file.Tensors.Count * i / count)));
        }
        return paths;
    }

    /// <summary>
    /// A file with the same tensors, but rows of 512, those of ffn_down (which is whole 32-blocks, but no whole super-blocks) of 288, and
    /// random weights.
    /// </summary>
    public static void Widen(string source, string path)
    {
        var file = GgufFile.Read(source);
        var layout = GgufLayout.Create(file.Metadata, [.. file.Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, Widened(tensor)))]);
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
    }

    private static long[] Widened(GgufTensor tensor) => tensor.Shape.Count == 1
        ? [.. tensor.Shape]
        : [tensor.Name.Contains("ffn_down", StringComparison.Ordinal) ? 288 : 512, 16];

    private static GgufMetadata Copy(GgufMetadata source)
    {
        var metadata = new GgufMetadata();
        foreach (var (key, value) in source)
        {
            metadata.Set(key, value);
        }
        return metadata;
    }

    private static void Write(string path, GgufMetadata metadata, GgufFile source, IEnumerable<GgufTensor> tensors)
    {
        var from = tensors.ToList();
        var layout = GgufLayout.Create(metadata, from.ConvertAll(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Shape)));
        var original = File.ReadAllBytes(source.Path!);
        var bytes = new byte[layout.FileBytes];
        layout.Header.CopyTo(bytes);
        foreach (var (old, placed) in from.Zip(layout.Tensors))
        {
            original.AsSpan((int)old.Offset, (int)old.Bytes).CopyTo(bytes.AsSpan((int)placed.Offset));
        }
        File.WriteAllBytes(path, bytes);
    }
}
