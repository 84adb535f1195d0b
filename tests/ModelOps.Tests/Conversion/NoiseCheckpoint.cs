using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// A checkpoint of any size with noise for weights: the golden Llama's configuration and tokenizer with wider and more layers, in BF16
/// shards as the hub's libraries write them. Its model means nothing, but it is one.
/// </summary>
internal static class NoiseCheckpoint
{
    private const int PieceBytes = 32 << 20;

    /// <summary>Writes it.</summary>
    /// <param name="folder">Where; it is created.</param>
    /// <param name="width">Hidden size, a multiple of 64.</param>
    /// <param name="layers">Number of layers, of about 26 × width² bytes.</param>
    /// <param name="shards">Number of files.</param>
    /// <param name="seed">Chooses the noise.</param>
    /// <returns>Bytes of the weights.</returns>
    public static long Write(string folder, int width, int layers, int shards, int seed = 1)
    {
        var source = Path.Combine(TestPaths.Golden("llama"), "hf");
        Directory.CreateDirectory(folder);
        foreach (var name in new[] { "README.md", "generation_config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json" })
            File.Copy(Path.Combine(source, name), Path.Combine(folder, name), overwrite: true);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        config["hidden_size"] = width;
        config["intermediate_size"] = 3 * width;
        config["num_hidden_layers"] = layers;
        config["num_attention_heads"] = width / 64;
        config["num_key_value_heads"] = width / 64;
        config["torch_dtype"] = "bfloat16";
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());

        var random = new Random(seed);
        var map = new JsonObject();
        var tensors = Tensors(width, layers, (int)config["vocab_size"]!).ToList();
        var total = 0L;
        for (var shard = 0; shard < shards; shard++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"model-{shard + 1:00000}-of-{shards:00000}.safetensors");
            var part = tensors.Skip(tensors.Count * shard / shards).Take((tensors.Count * (shard + 1) / shards) - (tensors.Count * shard / shards)).OrderBy(tensor => tensor.Name, StringComparer.Ordinal).ToList();
            foreach (var tensor in part)
                map[tensor.Name] = name;
            total += WriteShard(Path.Combine(folder, name), part, random);
        }
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = total }, ["weight_map"] = map }.ToJsonString());
        return total;
    }

    private static IEnumerable<(string Name, long[] Shape)> Tensors(int width, int layers, int vocabulary)
    {
        yield return ("model.embed_tokens.weight", [vocabulary, width]);
        for (var layer = 0; layer < layers; layer++)
        {
            var prefix = string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.");
            yield return (prefix + "input_layernorm.weight", [width]);
            yield return (prefix + "mlp.down_proj.weight", [width, 3 * width]);
            yield return (prefix + "mlp.gate_proj.weight", [3 * width, width]);
            yield return (prefix + "mlp.up_proj.weight", [3 * width, width]);
            yield return (prefix + "post_attention_layernorm.weight", [width]);
            foreach (var projection in (string[])["k", "o", "q", "v"])
                yield return ($"{prefix}self_attn.{projection}_proj.weight", [width, width]);
        }
        yield return ("model.norm.weight", [width]);
        yield return ("lm_head.weight", [vocabulary, width]);
    }

    private static long WriteShard(string path, List<(string Name, long[] Shape)> tensors, Random random)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        var bytes = 0L;
        foreach (var (name, shape) in tensors)
        {
            var next = bytes + (2 * shape.Aggregate(1L, (product, length) => product * length));
            header[name] = new JsonObject { ["dtype"] = "BF16", ["shape"] = new JsonArray([.. shape.Select(length => JsonValue.Create(length))]), ["data_offsets"] = new JsonArray(bytes, next) };
            bytes = next;
        }
        var json = Encoding.UTF8.GetBytes(header.ToJsonString());
        using var file = File.Create(path);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        file.Write(length);
        file.Write(json);
        var piece = new byte[(int)Math.Min(PieceBytes, bytes)];
        for (var left = bytes; left > 0; left -= piece.Length)
        {
            var part = piece.AsSpan(0, (int)Math.Min(left, piece.Length));
            random.NextBytes(part);
            // Finite weights of a usual size: any sign and mantissa, 2^-7 or 2^-5.
            foreach (ref var weight in MemoryMarshal.Cast<byte, ushort>(part))
                weight = (ushort)((weight & 0x80FF) | 0x3C00);
            file.Write(part);
        }
        return bytes;
    }
}
