using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ModelOps.Tests.Conversion;

/// <summary>A random LoRA adapter of a tiny checkpoint, as PEFT saves one, and what merging it gives, in doubles by PEFT's own formulas.</summary>
internal sealed class TinyAdapter
{
    private const string Prefix = "base_model.model.";

    private TinyAdapter(JsonObject config) => Config = config;

    public JsonObject Config { get; }

    public SortedDictionary<string, TinyCheckpoint.Tensor> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>An adapter of all tensors whose names end as a pattern says.</summary>
    public static TinyAdapter Random(TinyCheckpoint checkpoint, string modules, int rank, double alpha, Func<string, int>? rankOf = null, int seed = 7)
    {
        var adapter = new TinyAdapter(new JsonObject { ["peft_type"] = "LORA", ["r"] = rank, ["lora_alpha"] = alpha, ["base_model_name_or_path"] = "example-org/base" });
        var random = new Random(seed);
        foreach (var (name, tensor) in checkpoint.Tensors.Where(entry => entry.Value.Shape.Length == 2 && Regex.IsMatch(entry.Key, $"({modules})$")))
        {
            var (module, own) = (Prefix + name[..^".weight".Length], rankOf?.Invoke(name) ?? rank);
            var (rows, columns) = (tensor.Shape[0], tensor.Shape[1]);
            // Of about the weights' own size, so that it is seen whether they are added.
            if (name.EndsWith("embed_tokens.weight", StringComparison.Ordinal))
            {
                adapter.Tensors[$"{module}.lora_embedding_A"] = Matrix(random, own, rows);
                adapter.Tensors[$"{module}.lora_embedding_B"] = Matrix(random, columns, own);
            }
            else
            {
                adapter.Tensors[$"{module}.lora_A.weight"] = Matrix(random, own, columns);
                adapter.Tensors[$"{module}.lora_B.weight"] = Matrix(random, rows, own);
            }
        }
        return adapter;
    }

    public string Save(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), Config.ToJsonString());
        File.WriteAllBytes(Path.Combine(folder, "adapter_model.safetensors"), TinyCheckpoint.Write(Tensors));
        return folder;
    }

    /// <summary>The checkpoint with W + strength · alpha / r · B · A for its weights (alpha / √r with rank stabilisation), as F32.</summary>
    public TinyCheckpoint Merge(TinyCheckpoint checkpoint, double strength)
    {
        foreach (var (name, tensor) in checkpoint.Tensors.ToList())
        {
            var module = name.EndsWith(".weight", StringComparison.Ordinal) ? name[..^".weight".Length] : name;
            if (Tensors.TryGetValue($"{Prefix}{module}.lora_A.weight", out var a))
                checkpoint.Tensors[name] = Add(tensor, strength * Scale(module, a.Shape[0]), Floats(Tensors[$"{Prefix}{module}.lora_B.weight"]), Floats(a), a.Shape[0]);
            else if (Tensors.TryGetValue($"{Prefix}{module}.lora_embedding_A", out a))
                checkpoint.Tensors[name] = Add(tensor, strength * Scale(module, a.Shape[0]), Transpose(a), Transpose(Tensors[$"{Prefix}{module}.lora_embedding_B"]), a.Shape[0]);
        }
        return checkpoint;
    }

    /// <summary>The weights of a tensor.</summary>
    public static double[] Floats(TinyCheckpoint.Tensor tensor) => tensor.Type switch
    {
        "F32" => [.. MemoryMarshal.Cast<byte, float>(tensor.Data).ToArray().Select(value => (double)value)],
        "BF16" => [.. MemoryMarshal.Cast<byte, ushort>(tensor.Data).ToArray().Select(value => (double)BitConverter.UInt32BitsToSingle((uint)value << 16))],
        _ => throw new NotSupportedException(tensor.Type),
    };

    private double Scale(string module, long rank)
    {
        var alpha = Config["lora_alpha"]!.GetValue<double>();
        foreach (var (pattern, value) in (Config["alpha_pattern"] as JsonObject ?? []).Reverse())
        {
            if (Regex.IsMatch(module, $@"^(.*\.)?({pattern})$"))
                alpha = value!.GetValue<double>();
        }
        return Config["use_rslora"]?.GetValue<bool>() is true ? alpha / Math.Sqrt(rank) : alpha / rank;
    }

    private static TinyCheckpoint.Tensor Add(TinyCheckpoint.Tensor tensor, double scale, double[] left, double[] right, long rank)
    {
        var (rows, columns, weights) = (tensor.Shape[0], tensor.Shape[1], Floats(tensor));
        var data = new byte[rows * columns * 4];
        for (var row = 0L; row < rows; row++)
        {
            for (var column = 0L; column < columns; column++)
            {
                var sum = 0.0;
                for (var i = 0L; i < rank; i++)
                    sum += left[(row * rank) + i] * right[(i * columns) + column];
                BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan((int)((row * columns) + column) * 4), (float)(weights[(row * columns) + column] + (scale * sum)));
            }
        }
        return new TinyCheckpoint.Tensor("F32", tensor.Shape, data);
    }

    private static double[] Transpose(TinyCheckpoint.Tensor tensor)
    {
        var (rows, columns, weights) = (tensor.Shape[0], tensor.Shape[1], Floats(tensor));
        return [.. Enumerable.Range(0, (int)(rows * columns)).Select(i => weights[(i % rows * columns) + (i / rows)])];
    }

    private static TinyCheckpoint.Tensor Matrix(Random random, long rows, long columns)
    {
        var data = new byte[rows * columns * 4];
        for (var i = 0; i < data.Length; i += 4)
            BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(i), (float)((random.NextDouble() - 0.5) * 0.3));
        return new TinyCheckpoint.Tensor("F32", [rows, columns], data);
    }
}
