using System.Collections.Concurrent;
using ModelOps.Formats;
using ModelOps.Quantization;

namespace ModelOps.Tests.Quantization;

/// <summary>
/// A GGUF file with the tensors of a model that is deep and narrow: llama-quantize's rules ask for the number of layers, of heads and of
/// experts, and not whether a matrix has any sensible size.
/// </summary>
/// <param name="Architecture">GGUF architecture; the golden llama's metadata under its name.</param>
/// <param name="Layers">Number of layers.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="KeyValueHeads">Heads of keys and values.</param>
/// <param name="Experts">Number of experts; 0 for a dense model.</param>
internal sealed record TestModel(string Architecture, int Layers, int Heads, int KeyValueHeads, int Experts = 0)
{
    private const int HeadLength = 64;

    /// <summary>Each is written many times, once a recipe.</summary>
    private static readonly ConcurrentDictionary<TestModel, byte[]> Written = new();

    /// <summary>Whether the embedding is the output matrix.</summary>
    public bool TiedOutput { get; init; }

    /// <summary>Whether queries, keys and values are one matrix.</summary>
    public bool FusedAttention { get; init; }

    /// <summary>Length of the rows of ffn_down.</summary>
    public int FeedForward { get; init; } = 256;

    /// <summary>Names and shapes of the tensors.</summary>
    public IEnumerable<(string Name, long[] Shape)> Tensors()
    {
        yield return ("token_embd.weight", [256, 4]);
        yield return ("output_norm.weight", [256]);
        if (!TiedOutput)
            yield return ("output.weight", [256, 4]);
        for (var layer = 0; layer < Layers; layer++)
        {
            foreach (var (name, shape) in Layer())
                yield return ($"blk.{layer}.{name}.weight", shape);
        }
    }

    /// <summary>Writes the file: matrices as BF16, random.</summary>
    public void Write(string path) => File.WriteAllBytes(path, Written.GetOrAdd(this, model => model.ToBytes()));

    private static bool IsSmall((string Name, long[] Shape) tensor) => tensor.Shape.Length == 1 || tensor.Name.Contains("ffn_gate_inp", StringComparison.Ordinal);

    private byte[] ToBytes()
    {
        var layout = GgufLayout.Create(Metadata(), [.. Tensors().Select(tensor => new GgufTensorSpec(tensor.Name, IsSmall(tensor) ? GgmlType.F32 : GgmlType.BF16, tensor.Shape))]);
        var bytes = new byte[layout.FileBytes];
        layout.Header.Span.CopyTo(bytes);
        var random = new Random(23);
        foreach (var tensor in layout.Tensors)
        {
            var weights = new float[tensor.Weights];
            foreach (ref var weight in weights.AsSpan())
                weight = WeightSamples.Gaussian(random) * 0.02f;
            TensorQuantizer.Quantize(tensor.Type, weights, bytes.AsSpan((int)tensor.Offset, (int)tensor.Bytes), (int)tensor.Shape[0]);
        }
        return bytes;
    }

    private IEnumerable<(string Name, long[] Shape)> Layer()
    {
        yield return ("attn_norm", [256]);
        if (FusedAttention)
        {
            yield return ("attn_qkv", [256, 4]);
        }
        else
        {
            yield return ("attn_q", [256, 4]);
            yield return ("attn_k", [256, 2]);
            yield return ("attn_v", [256, 2]);
        }
        yield return ("attn_output", [256, 4]);
        if (Experts == 0)
        {
            yield return ("ffn_gate", [256, 2]);
            yield return ("ffn_up", [256, 2]);
            yield return ("ffn_down", [FeedForward, 2]);
            yield break;
        }
        yield return ("ffn_gate_inp", [256, Experts]);
        yield return ("ffn_gate_exps", [256, 2, Experts]);
        yield return ("ffn_up_exps", [256, 2, Experts]);
        yield return ("ffn_down_exps", [FeedForward, 2, Experts]);
        yield return ("ffn_down_shexp", [FeedForward, 2]);
    }

    private GgufMetadata Metadata()
    {
        var metadata = new GgufMetadata();
        foreach (var (key, value) in GgufFile.Read(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf")).Metadata)
            metadata.Set(key.StartsWith("llama.", StringComparison.Ordinal) ? Key(key["llama.".Length..]) : key, value);
        metadata.Set("general.architecture", Architecture);
        metadata.Set(Key("block_count"), (uint)Layers);
        metadata.Set(Key("embedding_length"), (uint)(Heads * HeadLength));
        metadata.Set(Key("attention.head_count"), (uint)Heads);
        metadata.Set(Key("attention.head_count_kv"), (uint)KeyValueHeads);
        metadata.Set(Key("attention.key_length"), (uint)HeadLength);
        metadata.Set(Key("attention.value_length"), (uint)HeadLength);
        metadata.Set(Key("rope.dimension_count"), (uint)HeadLength);
        metadata.Set(Key("attention.layer_norm_epsilon"), 1e-5f);
        if (Experts > 0)
        {
            metadata.Set(Key("expert_count"), (uint)Experts);
            metadata.Set(Key("expert_used_count"), 2u);
            metadata.Set(Key("expert_feed_forward_length"), 256u);
        }
        return metadata;
    }

    private string Key(string name) => $"{Architecture}.{name}";
}
