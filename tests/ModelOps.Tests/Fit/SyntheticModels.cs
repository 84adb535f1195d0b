using ModelOps.Formats;

namespace ModelOps.Tests.Fit;

/// <summary>
/// Headers of real models, from their published hyper-parameters, with the tensors that the engine asks for. Nothing but the header is
/// ever written: a stub file has the full size but is sparse.
/// </summary>
internal sealed class SyntheticModels
{
    private readonly GgufMetadata _metadata = new();
    private readonly List<GgufTensorSpec> _tensors = [];
    private readonly string _architecture;
    private readonly GgmlType _type;

    private SyntheticModels(string architecture, GgmlType type)
    {
        _architecture = architecture;
        _type = type;
        _metadata.Set("general.architecture", architecture);
        // The engine takes this for "no tokenizer": the vocabulary's size is all that is needed.
        _metadata.Set("tokenizer.ggml.model", "none");
    }

    public static IReadOnlyList<string> Names { get; } =
        ["Llama-3-8B", "Llama-3-70B", "Mistral-7B", "Qwen2.5-7B", "Qwen3-0.6B", "Qwen3-8B", "Qwen3-30B-A3B", "Gemma-2-2B", "Gemma-3-1B", "Gemma-3-4B", "Gemma-3-27B", "gpt-oss-20b", "LFM2-1.2B", "Qwen3-Next-80B"];

    public static GgufLayout Header(string name)
    {
        var model = name switch
        {
            "Llama-3-8B" => new SyntheticModels("llama", GgmlType.Q4_K).Dense(32, 4096, 32, 8, 128, 14336, 128256, 8192),
            "Llama-3-70B" => new SyntheticModels("llama", GgmlType.Q4_K).Dense(80, 8192, 64, 8, 128, 28672, 128256, 8192),
            "Mistral-7B" => new SyntheticModels("llama", GgmlType.Q4_K).Dense(32, 4096, 32, 8, 128, 14336, 32768, 32768),
            "Qwen2.5-7B" => new SyntheticModels("qwen2", GgmlType.Q4_K).Dense(28, 3584, 28, 4, 128, 18944, 152064, 32768, biases: true),
            "Qwen3-0.6B" => new SyntheticModels("qwen3", GgmlType.Q8_0).Dense(28, 1024, 16, 8, 128, 3072, 151936, 40960, headNorms: true, tied: true),
            "Qwen3-8B" => new SyntheticModels("qwen3", GgmlType.Q4_K).Dense(36, 4096, 32, 8, 128, 12288, 151936, 40960, headNorms: true),
            "Qwen3-30B-A3B" => new SyntheticModels("qwen3moe", GgmlType.Q4_K).Experts(128, 8, 768).Dense(48, 2048, 32, 4, 128, 6144, 151936, 40960, headNorms: true),
            "Gemma-2-2B" => new SyntheticModels("gemma2", GgmlType.Q8_0).Dense(26, 2304, 8, 4, 256, 9216, 256000, 8192, tied: true, postNorms: true),
            "Gemma-3-1B" => new SyntheticModels("gemma3", GgmlType.Q8_0).Window(512).Dense(26, 1152, 4, 1, 256, 6912, 262144, 32768, headNorms: true, tied: true, postNorms: true),
            "Gemma-3-4B" => new SyntheticModels("gemma3", GgmlType.Q4_K).Window(1024).Dense(34, 2560, 8, 4, 256, 10240, 262144, 131072, headNorms: true, tied: true, postNorms: true),
            "Gemma-3-27B" => new SyntheticModels("gemma3", GgmlType.Q4_K).Window(1024).Dense(62, 5376, 32, 16, 128, 21504, 262144, 131072, headNorms: true, tied: true, postNorms: true),
            "gpt-oss-20b" => new SyntheticModels("gpt-oss", GgmlType.Q8_0).GptOss(),
            "DeepSeek-V2-Lite" => new SyntheticModels("deepseek2", GgmlType.Q8_0).LatentAttention(),
            "LFM2-1.2B" => new SyntheticModels("lfm2", GgmlType.Q4_K).ShortConvolutions(),
            "Qwen3-Next-80B" => new SyntheticModels("qwen3next", GgmlType.Q4_K).GatedDelta(),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
        };
        return GgufLayout.Create(model._metadata, model._tensors);
    }

    /// <summary>The shape that ModelOps derives from the header.</summary>
    public static ModelShape Shape(string name)
    {
        var header = Header(name);
        return ModelShape.FromGguf(GgufFile.Read(new MemoryStream(header.Header.ToArray()), header.FileBytes), name);
    }

    private SyntheticModels Dense(
        int layers, int embedding, int heads, int kvHeads, int headLength, int feedForward, int vocabulary, int context,
        bool headNorms = false, bool tied = false, bool postNorms = false, bool biases = false)
    {
        Common(layers, embedding, heads, feedForward, vocabulary, context, tied);
        Set("attention.head_count_kv", kvHeads);
        Set("attention.key_length", headLength);
        Set("attention.value_length", headLength);
        Set("rope.dimension_count", headLength);
        for (var layer = 0; layer < layers; layer++)
        {
            Attention(layer, embedding, heads * headLength, kvHeads * headLength, headNorms ? headLength : 0, biases);
            if (postNorms)
            {
                Add(layer, "post_attention_norm.weight", GgmlType.F32, embedding);
                Add(layer, "post_ffw_norm.weight", GgmlType.F32, embedding);
            }
            Add(layer, "ffn_norm.weight", GgmlType.F32, embedding);
            if (_experts > 0)
            {
                Experts(layer, embedding, _expertLength, _experts);
            }
            else
            {
                FeedForward(layer, embedding, feedForward);
            }
        }
        return this;
    }

    private SyntheticModels GptOss()
    {
        const int Layers = 24, Embedding = 2880, Heads = 64, KvHeads = 8, HeadLength = 64, Length = 2880, Count = 32;
        Window(128).Experts(Count, 4, Length);
        Common(Layers, Embedding, Heads, Length, 201088, 131072, tied: false);
        Set("attention.head_count_kv", KvHeads);
        Set("attention.key_length", HeadLength);
        Set("attention.value_length", HeadLength);
        for (var layer = 0; layer < Layers; layer++)
        {
            Attention(layer, Embedding, Heads * HeadLength, KvHeads * HeadLength, 0, biases: true);
            Add(layer, "attn_output.bias", GgmlType.F32, Embedding);
            Add(layer, "post_attention_norm.weight", GgmlType.F32, Embedding);
            Add(layer, "attn_sinks.weight", GgmlType.F32, Heads);
            Experts(layer, Embedding, Length, Count, GgmlType.MXFP4);
            Add(layer, "ffn_gate_inp.bias", GgmlType.F32, Count);
            Add(layer, "ffn_gate_exps.bias", GgmlType.F32, Length, Count);
            Add(layer, "ffn_up_exps.bias", GgmlType.F32, Length, Count);
            Add(layer, "ffn_down_exps.bias", GgmlType.F32, Embedding, Count);
        }
        return this;
    }

    private SyntheticModels LatentAttention()
    {
        const int Layers = 27, Embedding = 2048, Heads = 16, Rank = 512, Rope = 64, Nope = 128, Value = 128, Length = 1408, Count = 64, Shared = 2;
        Experts(Count, 6, Length);
        Common(Layers, Embedding, Heads, 10944, 102400, 163840, tied: false);
        Set("attention.head_count_kv", 1);
        Set("attention.kv_lora_rank", Rank);
        Set("attention.key_length", Rank + Rope);
        Set("attention.value_length", Rank);
        Set("attention.key_length_mla", Nope + Rope);
        Set("attention.value_length_mla", Value);
        Set("rope.dimension_count", Rope);
        Set("leading_dense_block_count", 1);
        Set("expert_shared_count", Shared);
        for (var layer = 0; layer < Layers; layer++)
        {
            Add(layer, "attn_norm.weight", GgmlType.F32, Embedding);
            Add(layer, "attn_kv_a_norm.weight", GgmlType.F32, Rank);
            Add(layer, "attn_q.weight", _type, Embedding, Heads * (Nope + Rope));
            Add(layer, "attn_kv_a_mqa.weight", _type, Embedding, Rank + Rope);
            Add(layer, "attn_k_b.weight", _type, Nope, Rank, Heads);
            Add(layer, "attn_v_b.weight", _type, Rank, Value, Heads);
            Add(layer, "attn_output.weight", _type, Heads * Value, Embedding);
            Add(layer, "ffn_norm.weight", GgmlType.F32, Embedding);
            if (layer == 0)
            {
                FeedForward(layer, Embedding, 10944);
                continue;
            }
            Experts(layer, Embedding, Length, Count);
            Add(layer, "ffn_gate_shexp.weight", _type, Embedding, Length * Shared);
            Add(layer, "ffn_up_shexp.weight", _type, Embedding, Length * Shared);
            Add(layer, "ffn_down_shexp.weight", _type, Length * Shared, Embedding);
        }
        return this;
    }

    private SyntheticModels ShortConvolutions()
    {
        const int Embedding = 2048, Heads = 32, HeadLength = 64, FeedForwardLength = 8192;
        int[] kvHeads = [0, 0, 8, 0, 0, 8, 0, 0, 8, 0, 8, 0, 8, 0, 8, 0];
        Common(kvHeads.Length, Embedding, Heads, FeedForwardLength, 65536, 128000, tied: true, outputNorm: "token_embd_norm.weight");
        _metadata.Set($"{_architecture}.attention.head_count_kv", kvHeads);
        Set("shortconv.l_cache", 3);
        for (var layer = 0; layer < kvHeads.Length; layer++)
        {
            if (kvHeads[layer] > 0)
            {
                Attention(layer, Embedding, Embedding, kvHeads[layer] * HeadLength, HeadLength, biases: false);
            }
            else
            {
                Add(layer, "attn_norm.weight", GgmlType.F32, Embedding);
                Add(layer, "shortconv.conv.weight", GgmlType.F32, 3, Embedding);
                Add(layer, "shortconv.in_proj.weight", _type, Embedding, 3 * Embedding);
                Add(layer, "shortconv.out_proj.weight", _type, Embedding, Embedding);
            }
            Add(layer, "ffn_norm.weight", GgmlType.F32, Embedding);
            FeedForward(layer, Embedding, FeedForwardLength);
        }
        return this;
    }

    private SyntheticModels GatedDelta()
    {
        const int Layers = 48, Embedding = 2048, Heads = 16, KvHeads = 2, HeadLength = 256, State = 128, Groups = 16, Rank = 32, Length = 512, Count = 512;
        const int Key = State * Groups, Value = State * Rank;
        Experts(Count, 10, Length);
        Common(Layers, Embedding, Heads, 5120, 151936, 262144, tied: false);
        Set("attention.head_count_kv", KvHeads);
        Set("attention.key_length", HeadLength);
        Set("attention.value_length", HeadLength);
        Set("rope.dimension_count", 64);
        Set("expert_shared_feed_forward_length", 512);
        Set("ssm.conv_kernel", 4);
        Set("ssm.inner_size", Value);
        Set("ssm.state_size", State);
        Set("ssm.time_step_rank", Rank);
        Set("ssm.group_count", Groups);
        for (var layer = 0; layer < Layers; layer++)
        {
            if ((layer + 1) % 4 == 0)
            {
                Add(layer, "attn_norm.weight", GgmlType.F32, Embedding);
                Add(layer, "attn_q.weight", _type, Embedding, 2 * Heads * HeadLength);
                Add(layer, "attn_k.weight", _type, Embedding, KvHeads * HeadLength);
                Add(layer, "attn_v.weight", _type, Embedding, KvHeads * HeadLength);
                Add(layer, "attn_output.weight", _type, Heads * HeadLength, Embedding);
                Add(layer, "attn_q_norm.weight", GgmlType.F32, HeadLength);
                Add(layer, "attn_k_norm.weight", GgmlType.F32, HeadLength);
            }
            else
            {
                Add(layer, "attn_norm.weight", GgmlType.F32, Embedding);
                Add(layer, "attn_qkv.weight", _type, Embedding, 2 * Key + Value);
                Add(layer, "attn_gate.weight", _type, Embedding, Value);
                Add(layer, "ssm_conv1d.weight", GgmlType.F32, 4, 2 * Key + Value);
                Add(layer, "ssm_dt.bias", GgmlType.F32, Rank);
                Add(layer, "ssm_a", GgmlType.F32, Rank);
                Add(layer, "ssm_ba.weight", _type, Embedding, 2 * Rank);
                Add(layer, "ssm_norm.weight", GgmlType.F32, State);
                Add(layer, "ssm_out.weight", _type, Value, Embedding);
            }
            Add(layer, "post_attention_norm.weight", GgmlType.F32, Embedding);
            Experts(layer, Embedding, Length, Count);
            Add(layer, "ffn_gate_inp_shexp.weight", GgmlType.F32, Embedding);
            Add(layer, "ffn_gate_shexp.weight", _type, Embedding, 512);
            Add(layer, "ffn_up_shexp.weight", _type, Embedding, 512);
            Add(layer, "ffn_down_shexp.weight", _type, 512, Embedding);
        }
        return this;
    }

    private int _experts;
    private int _expertLength;

    private SyntheticModels Experts(int count, int used, int length)
    {
        (_experts, _expertLength) = (count, length);
        Set("expert_count", count);
        Set("expert_used_count", used);
        Set("expert_feed_forward_length", length);
        return this;
    }

    private SyntheticModels Window(int tokens)
    {
        Set("attention.sliding_window", tokens);
        return this;
    }

    private void Common(int layers, int embedding, int heads, int feedForward, int vocabulary, int context, bool tied, string outputNorm = "output_norm.weight")
    {
        Set("block_count", layers);
        Set("context_length", context);
        Set("embedding_length", embedding);
        Set("feed_forward_length", feedForward);
        Set("attention.head_count", heads);
        Set("vocab_size", vocabulary);
        _metadata.Set($"{_architecture}.attention.layer_norm_rms_epsilon", 1e-5f);
        _tensors.Add(new("token_embd.weight", _type, [embedding, vocabulary]));
        _tensors.Add(new(outputNorm, GgmlType.F32, [embedding]));
        if (!tied)
        {
            _tensors.Add(new("output.weight", _type, [embedding, vocabulary]));
        }
    }

    private void Attention(int layer, int embedding, int query, int keys, int headNorm, bool biases)
    {
        Add(layer, "attn_norm.weight", GgmlType.F32, embedding);
        Add(layer, "attn_q.weight", _type, embedding, query);
        Add(layer, "attn_k.weight", _type, embedding, keys);
        Add(layer, "attn_v.weight", _type, embedding, keys);
        Add(layer, "attn_output.weight", _type, query, embedding);
        if (headNorm > 0)
        {
            Add(layer, "attn_q_norm.weight", GgmlType.F32, headNorm);
            Add(layer, "attn_k_norm.weight", GgmlType.F32, headNorm);
        }
        if (biases)
        {
            Add(layer, "attn_q.bias", GgmlType.F32, query);
            Add(layer, "attn_k.bias", GgmlType.F32, keys);
            Add(layer, "attn_v.bias", GgmlType.F32, keys);
        }
    }

    private void FeedForward(int layer, int embedding, int length)
    {
        Add(layer, "ffn_gate.weight", _type, embedding, length);
        Add(layer, "ffn_up.weight", _type, embedding, length);
        Add(layer, "ffn_down.weight", _type, length, embedding);
    }

    private void Experts(int layer, int embedding, int length, int count, GgmlType? type = null)
    {
        Add(layer, "ffn_gate_inp.weight", GgmlType.F32, embedding, count);
        Add(layer, "ffn_gate_exps.weight", type ?? _type, embedding, length, count);
        Add(layer, "ffn_up_exps.weight", type ?? _type, embedding, length, count);
        Add(layer, "ffn_down_exps.weight", type ?? _type, length, embedding, count);
    }

    private void Set(string key, int value) => _metadata.Set($"{_architecture}.{key}", (uint)value);

    private void Add(int layer, string name, GgmlType type, params long[] shape)
        // Blocks of 256 do not fit every row: the recipes then take a type with blocks of 32.
        => _tensors.Add(new($"blk.{layer}.{name}", shape[0] % type.BlockLength() == 0 ? type : GgmlType.Q8_0, shape));
}
