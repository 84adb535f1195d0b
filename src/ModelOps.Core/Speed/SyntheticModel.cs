using ModelOps.Formats;
using ModelOps.Quantization;

namespace ModelOps.Speed;

/// <summary>
/// A model of random weights in Llama's architecture, written to be timed: how long a token takes depends on shapes and types only. One type for
/// all matrices, so that the time tells of that type.
/// </summary>
/// <param name="Type">Type of the matrices; the norms are F32.</param>
/// <param name="Layers">Layers.</param>
/// <param name="EmbeddingLength">Embedding width, a multiple of 256 for types in super-blocks.</param>
/// <param name="FeedForwardLength">Width of the feed-forward network.</param>
/// <param name="HeadLength">Size of a head.</param>
/// <param name="VocabularySize">Tokens.</param>
internal sealed record SyntheticModel(GgmlType Type, int Layers, int EmbeddingLength, int FeedForwardLength, int HeadLength = 64, int VocabularySize = 1024)
{
    private const int ContextLength = 1 << 16;
    private const int MostKvHeads = 4;
    // As large as needed to be quantised once and repeated: the engine does not see that the rows come again.
    private const int PoolRows = 64;
    private const int Seed = 7;

    private int KvHeads => Math.Min(MostKvHeads, EmbeddingLength / HeadLength);

    /// <summary>Header and places of the tensors.</summary>
    public GgufLayout Layout()
    {
        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", "llama");
        metadata.Set("general.name", "random weights to be timed");
        SetVocabulary(metadata);
        Set("context_length", ContextLength);
        Set("block_count", Layers);
        Set("embedding_length", EmbeddingLength);
        Set("feed_forward_length", FeedForwardLength);
        Set("attention.head_count", EmbeddingLength / HeadLength);
        Set("attention.head_count_kv", KvHeads);
        Set("attention.key_length", HeadLength);
        Set("attention.value_length", HeadLength);
        Set("rope.dimension_count", HeadLength);
        metadata.Set("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        return GgufLayout.Create(metadata, [.. Tensors()]);

        void Set(string key, int value) => metadata.Set($"llama.{key}", (uint)value);
    }

    /// <summary>Writes the file.</summary>
    public void Write(string path, CancellationToken cancellationToken)
    {
        var layout = Layout();
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        file.Write(layout.Header.Span);
        var pools = new Dictionary<(GgmlType, long), byte[]>();
        foreach (var tensor in layout.Tensors)
        {
            if (!pools.TryGetValue((tensor.Type, tensor.Shape[0]), out var pool))
            {
                pools[(tensor.Type, tensor.Shape[0])] = pool = Pool(tensor.Type, (int)tensor.Shape[0], isNorm: tensor.Shape.Count == 1);
            }
            file.Position = tensor.Offset;
            for (var left = tensor.Bytes; left > 0; left -= pool.Length)
            {
                cancellationToken.ThrowIfCancellationRequested();
                file.Write(pool.AsSpan(0, (int)Math.Min(left, pool.Length)));
            }
        }
        file.SetLength(layout.FileBytes);
    }

    private IEnumerable<GgufTensorSpec> Tensors()
    {
        // Tied: the embedding is the output matrix too, and read for every token.
        yield return new GgufTensorSpec("token_embd.weight", Type, [EmbeddingLength, VocabularySize]);
        for (var layer = 0; layer < Layers; layer++)
        {
            yield return Norm("attn_norm");
            yield return Matrix("attn_q", EmbeddingLength, EmbeddingLength);
            yield return Matrix("attn_k", EmbeddingLength, KvHeads * HeadLength);
            yield return Matrix("attn_v", EmbeddingLength, KvHeads * HeadLength);
            yield return Matrix("attn_output", EmbeddingLength, EmbeddingLength);
            yield return Norm("ffn_norm");
            yield return Matrix("ffn_gate", EmbeddingLength, FeedForwardLength);
            yield return Matrix("ffn_up", EmbeddingLength, FeedForwardLength);
            yield return Matrix("ffn_down", FeedForwardLength, EmbeddingLength);

            GgufTensorSpec Norm(string name) => new($"blk.{layer}.{name}.weight", GgmlType.F32, [EmbeddingLength]);
            GgufTensorSpec Matrix(string name, int rowLength, int rows) => new($"blk.{layer}.{name}.weight", Type, [rowLength, rows]);
        }
        yield return new GgufTensorSpec("output_norm.weight", GgmlType.F32, [EmbeddingLength]);
    }

    // Nothing is read as text, but the engine wants a vocabulary: the three marks, the bytes and made-up words.
    private void SetVocabulary(GgufMetadata metadata)
    {
        string[] marks = ["<unk>", "<s>", "</s>"];
        const int Unknown = 2, Control = 3, Byte = 6, Normal = 1, Bytes = 256;
        var words = VocabularySize - marks.Length - Bytes;
        metadata.Set("tokenizer.ggml.model", "llama");
        metadata.Set("tokenizer.ggml.tokens", (string[])[.. marks, .. Enumerable.Range(0, Bytes).Select(value => $"<0x{value:X2}>"), .. Enumerable.Range(0, words).Select(index => $"▁{index}")]);
        metadata.Set("tokenizer.ggml.scores", (float[])[.. Enumerable.Range(0, VocabularySize).Select(index => -(float)index)]);
        metadata.Set("tokenizer.ggml.token_type", (int[])[Unknown, Control, Control, .. Enumerable.Repeat(Byte, Bytes), .. Enumerable.Repeat(Normal, words)]);
        metadata.Set("tokenizer.ggml.bos_token_id", 1u);
        metadata.Set("tokenizer.ggml.eos_token_id", 2u);
        metadata.Set("tokenizer.ggml.unknown_token_id", 0u);
    }

    // Rows of a normal distribution, scaled so that activations neither vanish nor explode: denormal numbers and infinities take another time.
    private static byte[] Pool(GgmlType type, int rowLength, bool isNorm)
    {
        var random = new Random(Seed);
        var weights = new float[isNorm ? rowLength : rowLength * PoolRows];
        var scale = 1 / Math.Sqrt(rowLength);
        for (var index = 0; index < weights.Length; index++)
        {
            weights[index] = isNorm ? 1 : (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()) * scale);
        }
        var bytes = new byte[type.RowBytes(rowLength) * (weights.Length / rowLength)];
        TensorQuantizer.Quantize(type, weights, bytes, rowLength);
        return bytes;
    }
}
