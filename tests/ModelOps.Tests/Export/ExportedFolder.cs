using System.Buffers.Binary;
using System.Text.Json.Nodes;
using ModelOps.Tests.Conversion;

namespace ModelOps.Tests.Export;

/// <summary>
/// An exported folder read by the formats' descriptions, bit by bit, with nothing of what is tested: mlx/backend/cpu/quantized.cpp
/// (weight = code · scale + bias) and compressed_tensors/compressors/pack_quantized (weight = (code − zero) · scale).
/// </summary>
internal sealed class ExportedFolder(string path)
{
    private readonly TinyCheckpoint _checkpoint = TinyCheckpoint.OfFolder(path);

    public JsonObject Config => _checkpoint.Config;

    public SortedDictionary<string, TinyCheckpoint.Tensor> Tensors => _checkpoint.Tensors;

    /// <summary>The numbers of a tensor that is not quantised.</summary>
    public float[] Numbers(string name) => Numbers(Tensors[name]);

    /// <summary>The weights of a module as mlx.core.dequantize gives them, in F32.</summary>
    public float[] Mlx(string module)
    {
        var settings = (Config["quantization"]![module] ?? Config["quantization"])!;
        var (bits, group) = (settings["bits"]!.GetValue<int>(), settings["group_size"]!.GetValue<int>());
        var (words, scales, biases) = (Tensors[module + ".weight"], Tensors[module + ".scales"], Tensors[module + ".biases"]);
        Xunit.Assert.Equal("U32", words.Type);
        Xunit.Assert.Equal(scales.Shape, biases.Shape);
        var (rows, length) = ((int)words.Shape[0], (int)(words.Shape[1] * 32 / bits));
        Xunit.Assert.Equal([rows, length / group], scales.Shape);
        var (scale, bias) = (Numbers(scales), Numbers(biases));
        var weights = new float[rows * length];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = (Bits(words.Data, (long)i * bits, bits) * scale[i / group]) + bias[i / group];
        return weights;
    }

    /// <summary>The weights of a module as compressed-tensors decompresses them, in F32.</summary>
    public float[] CompressedTensors(string module)
    {
        var settings = Scheme(module);
        var (bits, symmetric) = (settings["num_bits"]!.GetValue<int>(), settings["symmetric"]!.GetValue<bool>());
        var (packed, shape) = (Tensors[module + ".weight_packed"], Tensors[module + ".weight_shape"]);
        Xunit.Assert.Equal(("I32", "I64"), (packed.Type, shape.Type));
        var (rows, length) = ((int)BinaryPrimitives.ReadInt64LittleEndian(shape.Data), (int)BinaryPrimitives.ReadInt64LittleEndian(shape.Data.AsSpan(8)));
        Xunit.Assert.Equal([rows, ((length * bits) + 31) / 32], packed.Shape);
        var group = settings["strategy"]!.GetValue<string>() == "channel" ? length : settings["group_size"]!.GetValue<int>();
        var groups = length / group;
        Xunit.Assert.Equal([rows, groups], Tensors[module + ".weight_scale"].Shape);
        var scale = Numbers(Tensors[module + ".weight_scale"]);
        var zeros = symmetric ? null : Tensors[module + ".weight_zero_point"];
        if (zeros is not null)
            Xunit.Assert.Equal([((rows * bits) + 31) / 32, groups], zeros.Shape);
        Xunit.Assert.Equal(symmetric, !Tensors.ContainsKey(module + ".weight_zero_point"));
        var isOrdered = settings["actorder"]?.GetValue<string>() == "group";
        Xunit.Assert.Equal(isOrdered, Tensors.ContainsKey(module + ".weight_g_idx"));
        var (half, rowBits) = (1 << (bits - 1), packed.Shape[1] * 32);
        var weights = new float[rows * length];
        for (var n = 0; n < rows; n++)
        {
            for (var k = 0; k < length; k++)
            {
                var g = isOrdered ? BinaryPrimitives.ReadInt32LittleEndian(Tensors[module + ".weight_g_idx"].Data.AsSpan(k * 4)) : k / group;
                var zero = zeros is null ? 0 : Bits(Column(zeros, g), (long)n * bits, bits) - half;
                weights[(n * length) + k] = (Bits(packed.Data, (n * rowBits) + ((long)k * bits), bits) - half - zero) * scale[(n * groups) + g];
            }
        }
        return weights;
    }

    /// <summary>The settings of a module: of the group that names it, else of the one for all linear layers.</summary>
    public JsonObject Scheme(string module)
    {
        var groups = Config["quantization_config"]!["config_groups"]!.AsObject().Select(group => group.Value!).ToList();
        return groups.OrderByDescending(group => Targets(group).Contains(module)).First(group => Targets(group).Contains(module) || Targets(group).Contains("Linear"))["weights"]!.AsObject();

        static IEnumerable<string> Targets(JsonNode group) => group["targets"]!.AsArray().Select(target => target!.GetValue<string>());
    }

    public static float[] Numbers(TinyCheckpoint.Tensor tensor) => tensor.Type switch
    {
        "BF16" => [.. tensor.Data.Chunk(2).Select(bytes => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes) << 16))],
        "F16" => [.. tensor.Data.Chunk(2).Select(bytes => (float)BitConverter.ToHalf(bytes))],
        "F32" => [.. tensor.Data.Chunk(4).Select(bytes => BitConverter.ToSingle(bytes))],
        _ => throw new InvalidOperationException(tensor.Type),
    };

    private static byte[] Column(TinyCheckpoint.Tensor words, int column)
    {
        var columns = (int)words.Shape[1];
        return [.. Enumerable.Range(0, (int)words.Shape[0]).SelectMany(row => words.Data.AsSpan(((row * columns) + column) * 4, 4).ToArray())];
    }

    private static int Bits(byte[] data, long at, int bits)
    {
        var value = 0;
        for (var bit = 0; bit < bits; bit++)
            value |= (data[(at + bit) / 8] >> (int)((at + bit) % 8) & 1) << bit;
        return value;
    }
}
