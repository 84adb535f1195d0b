using System.Globalization;
using System.Text;
using System.Text.Json;
using ModelOps.Conversion;
using ModelOps.Formats;

namespace ModelOps.Tests.Fit;

/// <summary>
/// DeepSeek V3 as its makers published it, but for the weights: 671 billion in 8-bit floats with a scale for each block of 128 × 128 and the layer for
/// predicting further tokens, 163 shards; and as GGUF shards of a recipe.
/// </summary>
internal static class DeepSeekLayout
{
    private const int Layers = 61, DenseLayers = 3, Hidden = 7168, Vocabulary = 129280, Experts = 256, Shards = 163, Block = 128;

    // Sizes of the published files; a fit has no use for their contents.
    private const int VocabularyFileBytes = 7_847_602;

    private const string Config = """
        {
          "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
          "num_hidden_layers": 61, "num_nextn_predict_layers": 1, "num_attention_heads": 128, "num_key_value_heads": 128, "n_shared_experts": 1, "n_routed_experts": 256,
          "num_experts_per_tok": 8, "routed_scaling_factor": 2.5, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128,
          "n_group": 8, "topk_group": 4, "topk_method": "noaux_tc", "scoring_func": "sigmoid", "first_k_dense_replace": 3, "moe_layer_freq": 1, "norm_topk_prob": true,
          "hidden_act": "silu", "max_position_embeddings": 163840, "rms_norm_eps": 1e-06, "rope_theta": 10000, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
          "bos_token_id": 0, "eos_token_id": 1, "attention_bias": false, "attention_dropout": 0.0,
          "rope_scaling": { "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn" },
          "quantization_config": { "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128] }
        }
        """;

    /// <summary>The checkpoint's files.</summary>
    public static IEnumerable<(string Path, ReadOnlyMemory<byte> Start, long Bytes)> Checkpoint()
    {
        var tensors = Tensors().ToList();
        var total = tensors.Sum(tensor => SparseStore.Bytes(tensor.Type, tensor.Shape));
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        var (next, written) = (0, 0L);
        for (var shard = 1; shard <= Shards; shard++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"model-{shard:00000}-of-{Shards:000000}.safetensors");
            var own = new List<(string Name, string Type, long[] Shape)>();
            for (; next < tensors.Count && (written < total / Shards * shard || shard == Shards); next++)
            {
                own.Add(tensors[next]);
                map.Add(tensors[next].Name, name);
                written += SparseStore.Bytes(tensors[next].Type, tensors[next].Shape);
            }
            var (start, bytes) = SparseStore.Safetensors(own);
            yield return (name, start, bytes);
        }
        yield return Text("config.json", Config);
        yield return Text("model.safetensors.index.json", JsonSerializer.Serialize(new { metadata = new { total_size = total }, weight_map = map }));
        yield return Text("tokenizer_config.json", "{}");
        yield return ("tokenizer.json", "{}"u8.ToArray(), VocabularyFileBytes);
    }

    /// <summary>GGUF shards as a conversion with a recipe and llama.cpp's splitting write them, with a vocabulary of the usual size.</summary>
    public static IEnumerable<(string Path, ReadOnlyMemory<byte> Start, long Bytes)> Gguf(string checkpoint, string type, long shardBytes)
    {
        var plan = ConversionPlanner.PlanWithoutVocabulary(checkpoint, type);
        var metadata = new GgufMetadata();
        foreach (var (key, value) in plan.Metadata)
            metadata.Set(key, value);
        metadata.Set("tokenizer.ggml.model", "gpt2");
        metadata.Set("tokenizer.ggml.tokens", Enumerable.Range(0, Vocabulary).Select(token => $"token{token:000}").ToArray());
        metadata.Set("tokenizer.ggml.token_type", Enumerable.Repeat(1, Vocabulary).ToArray());
        metadata.Set("tokenizer.ggml.merges", Enumerable.Range(0, 127_741).Select(merge => $"left{merge} right{merge}").ToArray());
        List<GgufTensorSpec> tensors = [.. plan.Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Shape))];
        var layouts = FileSplit.Layouts(metadata, tensors, FileSplit.Assign(tensors, shardBytes));
        return layouts.Select((layout, index) => (Path.GetFileName(FileSplit.PathOf($"DeepSeek-V3-{type}.gguf", index, layouts.Count)), layout.Header, layout.FileBytes));
    }

    private static (string, ReadOnlyMemory<byte>, long) Text(string path, string text) => (path, Encoding.UTF8.GetBytes(text), Encoding.UTF8.GetByteCount(text));

    private static IEnumerable<(string Name, string Type, long[] Shape)> Tensors()
    {
        yield return ("model.embed_tokens.weight", "BF16", [Vocabulary, Hidden]);
        for (var layer = 0; layer <= Layers; layer++)
        {
            foreach (var tensor in Layer(layer))
                yield return tensor with { Name = string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.{tensor.Name}") };
        }
        yield return ("model.norm.weight", "BF16", [Hidden]);
        yield return ("lm_head.weight", "BF16", [Vocabulary, Hidden]);
    }

    private static IEnumerable<(string Name, string Type, long[] Shape)> Layer(int layer)
    {
        IEnumerable<(string, string, long[])> tensors =
        [
            ("input_layernorm.weight", "BF16", [Hidden]), ("post_attention_layernorm.weight", "BF16", [Hidden]),
            .. Blocks("self_attn.q_a_proj", 1536, Hidden), ("self_attn.q_a_layernorm.weight", "BF16", [1536]), .. Blocks("self_attn.q_b_proj", 128 * 192, 1536),
            .. Blocks("self_attn.kv_a_proj_with_mqa", 512 + 64, Hidden), ("self_attn.kv_a_layernorm.weight", "BF16", [512]), .. Blocks("self_attn.kv_b_proj", 128 * 256, 512),
            .. Blocks("self_attn.o_proj", Hidden, 128 * 128),
            .. layer < DenseLayers ? Mlp("mlp", 18432) : [("mlp.gate.weight", "BF16", [Experts, Hidden]), ("mlp.gate.e_score_correction_bias", "F32", [Experts]), .. Mlp("mlp.shared_experts", 2048), .. Enumerable.Range(0, Experts).SelectMany(expert => Mlp($"mlp.experts.{expert}", 2048))],
        ];
        return layer < Layers ? tensors :
        [
            .. tensors, ("embed_tokens.weight", "BF16", [Vocabulary, Hidden]), ("enorm.weight", "BF16", [Hidden]), ("hnorm.weight", "BF16", [Hidden]), ("eh_proj.weight", "BF16", [Hidden, 2 * Hidden]),
            ("shared_head.norm.weight", "BF16", [Hidden]), ("shared_head.head.weight", "BF16", [Vocabulary, Hidden]),
        ];
    }

    private static IEnumerable<(string, string, long[])> Mlp(string name, long width) => [.. Blocks(name + ".gate_proj", width, Hidden), .. Blocks(name + ".up_proj", width, Hidden), .. Blocks(name + ".down_proj", Hidden, width)];

    private static IEnumerable<(string, string, long[])> Blocks(string name, long rows, long columns) =>
        [(name + ".weight", "F8_E4M3", [rows, columns]), (name + ".weight_scale_inv", "F32", [(rows + Block - 1) / Block, (columns + Block - 1) / Block])];
}
