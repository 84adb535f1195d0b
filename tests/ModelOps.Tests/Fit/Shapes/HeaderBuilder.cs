using ModelOps.Formats;

namespace ModelOps.Tests.Fit;

/// <summary>
/// Builds the header of a model from its published hyper-parameters, with the tensors that the engine asks for (llama.cpp, src/models):
/// what all families share. Nothing but the header is ever written.
/// </summary>
internal sealed class HeaderBuilder
{
    private readonly GgufMetadata _metadata = new();
    private readonly List<GgufTensorSpec> _tensors = [];
    private readonly string _architecture;

    public HeaderBuilder(string architecture, GgmlType type)
    {
        _architecture = architecture;
        Type = type;
        _metadata.Set("general.architecture", architecture);
        // The engine takes this for "no tokenizer": the vocabulary's size is all that is needed.
        _metadata.Set("tokenizer.ggml.model", "none");
    }

    /// <summary>Type of the matrices.</summary>
    public GgmlType Type { get; }

    public GgufLayout Layout() => GgufLayout.Create(_metadata, _tensors);

    public HeaderBuilder Set(string key, int value)
    {
        _metadata.Set($"{_architecture}.{key}", (uint)value);
        return this;
    }

    public HeaderBuilder Set(string key, float value)
    {
        _metadata.Set($"{_architecture}.{key}", value);
        return this;
    }

    public HeaderBuilder SetArray(string key, Array values)
    {
        _metadata.Set($"{_architecture}.{key}", values);
        return this;
    }

    /// <summary>What every architecture has: sizes, the embedding and the output.</summary>
    public HeaderBuilder Common(int layers, int embedding, int heads, int feedForward, int vocabulary, int context, bool tied, string outputNorm = "output_norm.weight")
    {
        Set("block_count", layers).Set("context_length", context).Set("embedding_length", embedding).Set("feed_forward_length", feedForward)
            .Set("attention.head_count", heads).Set("vocab_size", vocabulary).Set("attention.layer_norm_rms_epsilon", 1e-5f);
        Add("token_embd.weight", Type, embedding, vocabulary);
        Add(outputNorm, GgmlType.F32, embedding);
        if (!tied)
        {
            Add("output.weight", Type, embedding, vocabulary);
        }
        return this;
    }

    /// <summary>Heads of ordinary attention.</summary>
    public HeaderBuilder Heads(int kvHeads, int length) => Set("attention.head_count_kv", kvHeads).HeadLengths(length);

    /// <summary>Sizes of a head's keys and values.</summary>
    public HeaderBuilder HeadLengths(int length) => Set("attention.key_length", length).Set("attention.value_length", length);

    /// <summary>A mixture of experts.</summary>
    public HeaderBuilder Mixture(int count, int used, int length) => Set("expert_count", count).Set("expert_used_count", used).Set("expert_feed_forward_length", length);

    /// <summary>A state-space model's sizes.</summary>
    public HeaderBuilder StateSpace(int conv, int inner, int state, int rank, int groups = 0)
    {
        Set("ssm.conv_kernel", conv).Set("ssm.inner_size", inner).Set("ssm.state_size", state).Set("ssm.time_step_rank", rank);
        return groups > 0 ? Set("ssm.group_count", groups) : this;
    }

    public void Norm(int layer, string name, int length) => Add(layer, name, GgmlType.F32, length);

    /// <summary>Query, key, value and output matrices with their norm; <paramref name="headNorm"/> is the length of the heads' norms, 0 for none.</summary>
    public void Attention(int layer, int embedding, int query, int keys, int headNorm = 0, bool biases = false)
    {
        Norm(layer, "attn_norm.weight", embedding);
        Add(layer, "attn_q.weight", Type, embedding, query);
        Add(layer, "attn_k.weight", Type, embedding, keys);
        Add(layer, "attn_v.weight", Type, embedding, keys);
        Add(layer, "attn_output.weight", Type, query, embedding);
        HeadNorms(layer, headNorm);
        if (biases)
        {
            Add(layer, "attn_q.bias", GgmlType.F32, query);
            Add(layer, "attn_k.bias", GgmlType.F32, keys);
            Add(layer, "attn_v.bias", GgmlType.F32, keys);
        }
    }

    public void HeadNorms(int layer, int length)
    {
        if (length > 0)
        {
            Norm(layer, "attn_q_norm.weight", length);
            Norm(layer, "attn_k_norm.weight", length);
        }
    }

    public void FeedForward(int layer, int embedding, int length)
    {
        Add(layer, "ffn_gate.weight", Type, embedding, length);
        Add(layer, "ffn_up.weight", Type, embedding, length);
        Add(layer, "ffn_down.weight", Type, length, embedding);
    }

    public void Experts(int layer, int embedding, int length, int count, GgmlType? type = null)
    {
        Add(layer, "ffn_gate_inp.weight", GgmlType.F32, embedding, count);
        Add(layer, "ffn_gate_exps.weight", type ?? Type, embedding, length, count);
        Add(layer, "ffn_up_exps.weight", type ?? Type, embedding, length, count);
        Add(layer, "ffn_down_exps.weight", type ?? Type, length, embedding, count);
    }

    /// <summary>The experts that every token goes through, side by side.</summary>
    public void SharedExperts(int layer, int embedding, int length)
    {
        Add(layer, "ffn_gate_shexp.weight", Type, embedding, length);
        Add(layer, "ffn_up_shexp.weight", Type, embedding, length);
        Add(layer, "ffn_down_shexp.weight", Type, length, embedding);
    }

    /// <summary>A Mamba-2 mixer with <paramref name="heads"/> heads.</summary>
    public void Mamba2(int layer, int embedding, int conv, int inner, int state, int heads, int groups)
    {
        var convolved = inner + 2 * groups * state;
        Norm(layer, "attn_norm.weight", embedding);
        Add(layer, "ssm_in.weight", Type, embedding, inner + convolved + heads);
        Add(layer, "ssm_conv1d.weight", GgmlType.F32, conv, convolved);
        Add(layer, "ssm_conv1d.bias", GgmlType.F32, convolved);
        Add(layer, "ssm_dt.bias", GgmlType.F32, heads);
        Add(layer, "ssm_a", GgmlType.F32, 1, heads);
        Add(layer, "ssm_d", GgmlType.F32, 1, heads);
        Add(layer, "ssm_norm.weight", GgmlType.F32, inner / groups, groups);
        Add(layer, "ssm_out.weight", Type, inner, embedding);
    }

    public void Add(int layer, string name, GgmlType type, params long[] shape) => Add($"blk.{layer}.{name}", type, shape);

    public void Add(string name, GgmlType type, params long[] shape)
        // Blocks of 256 do not fit every row: the recipes then take a type with blocks of 32, or none.
        => _tensors.Add(new(name, shape[0] % type.BlockLength() == 0 ? type : shape[0] % GgmlType.Q8_0.BlockLength() == 0 ? GgmlType.Q8_0 : GgmlType.F16, shape));
}
