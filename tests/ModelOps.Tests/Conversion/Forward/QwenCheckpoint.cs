using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>A checkpoint of the Qwen family with random weights, its tensors by the names and shapes of the library's modules.</summary>
internal sealed class QwenCheckpoint
{
    private readonly Random _random = new(20260101);
    private readonly TinyCheckpoint _checkpoint;

    /// <param name="golden">A golden checkpoint with a tokenizer of 384 tokens.</param>
    /// <param name="config">config.json.</param>
    /// <param name="fusesExperts">Whether the experts of a layer are saved in one tensor.</param>
    /// <param name="prefix">What names begin with, where it is not what the library writes today.</param>
    public QwenCheckpoint(string golden, JsonObject config, bool fusesExperts = false, string? prefix = null)
    {
        _checkpoint = TinyCheckpoint.Of(golden);
        _checkpoint.Tensors.Clear();
        _checkpoint.Config.Clear();
        foreach (var (key, value) in config)
            _checkpoint.Config[key] = value?.DeepClone();
        Settings = prefix is null ? new QwenSettings(_checkpoint.Config) : new QwenSettings(_checkpoint.Config) { Prefix = prefix };
        AddTensors(fusesExperts);
    }

    public QwenSettings Settings { get; }

    public TinyCheckpoint Checkpoint => _checkpoint;

    /// <summary>Weights by the name without <see cref="QwenSettings.Prefix"/>.</summary>
    public float[] Get(string name)
        => MemoryMarshal.Cast<byte, float>(_checkpoint.Tensors.TryGetValue(Settings.Prefix + name, out var tensor) ? tensor.Data : _checkpoint.Tensors[name].Data).ToArray();

    public bool Has(string name) => _checkpoint.Tensors.ContainsKey(Settings.Prefix + name);

    /// <summary>A tensor that the language model has nothing to do with.</summary>
    public void AddForeign(string name, params long[] shape) => Add(name, 1, 0, shape);

    private void AddTensors(bool fusesExperts)
    {
        var s = Settings;
        Matrix("embed_tokens.weight", s.Vocabulary, s.Hidden, scale: 1);
        Norm("norm.weight", s.Hidden);
        if (!s.IsTied)
            Add("lm_head.weight", MathF.Sqrt(3f / s.Hidden), 0, s.Vocabulary, s.Hidden);
        for (var layer = 0; layer < s.Layers; layer++)
        {
            var at = $"layers.{layer}.";
            Norm(at + "input_layernorm.weight", s.Hidden);
            Norm(at + "post_attention_layernorm.weight", s.Hidden);
            if (s.IsFull(layer))
                AddAttention(at + "self_attn.");
            else
                AddLinearAttention(at + "linear_attn.");
            if (s.Experts > 0)
                AddExperts(at + "mlp.", fusesExperts);
            else
                AddFeedForward(at + "mlp.", s.Width);
        }
    }

    private void AddAttention(string at)
    {
        var s = Settings;
        var (query, keyValue) = (s.Heads * s.HeadLength, s.KeyValueHeads * s.HeadLength);
        Matrix(at + "q_proj.weight", s.IsHybrid ? 2 * query : query, s.Hidden);
        Matrix(at + "k_proj.weight", keyValue, s.Hidden);
        Matrix(at + "v_proj.weight", keyValue, s.Hidden);
        Matrix(at + "o_proj.weight", s.Hidden, query);
        if (s.IsSecond)
        {
            Add(s.Prefix + at + "q_proj.bias", 0.5f, 0, query);
            Add(s.Prefix + at + "k_proj.bias", 0.5f, 0, keyValue);
            Add(s.Prefix + at + "v_proj.bias", 0.5f, 0, keyValue);
            return;
        }
        Norm(at + "q_norm.weight", s.HeadLength);
        Norm(at + "k_norm.weight", s.HeadLength);
    }

    private void AddLinearAttention(string at)
    {
        var s = Settings;
        if (s.IsNext)
        {
            Matrix(at + "in_proj_qkvz.weight", 2 * (s.Keys + s.Values), s.Hidden);
            Matrix(at + "in_proj_ba.weight", 2 * s.ValueHeads, s.Hidden);
        }
        else
        {
            Matrix(at + "in_proj_qkv.weight", (2 * s.Keys) + s.Values, s.Hidden);
            Matrix(at + "in_proj_z.weight", s.Values, s.Hidden);
            Matrix(at + "in_proj_a.weight", s.ValueHeads, s.Hidden);
            Matrix(at + "in_proj_b.weight", s.ValueHeads, s.Hidden);
        }
        Add(s.Prefix + at + "conv1d.weight", 1, 0, (2 * s.Keys) + s.Values, 1, s.Kernel);
        Add(s.Prefix + at + "A_log", 1, 0, s.ValueHeads);
        Add(s.Prefix + at + "dt_bias", 1, 0, s.ValueHeads);
        Add(s.Prefix + at + "norm.weight", 0.5f, 1, s.LinearLength);
        Matrix(at + "out_proj.weight", s.Hidden, s.Values);
    }

    private void AddFeedForward(string at, int width)
    {
        Matrix(at + "gate_proj.weight", width, Settings.Hidden);
        Matrix(at + "up_proj.weight", width, Settings.Hidden);
        Matrix(at + "down_proj.weight", Settings.Hidden, width);
    }

    private void AddExperts(string at, bool fuses)
    {
        var s = Settings;
        Matrix(at + "gate.weight", s.Experts, s.Hidden);
        if (s.HasTransposedExperts)
        {
            Add(s.Prefix + at + "experts.gate_up_proj", MathF.Sqrt(3f / s.Hidden), 0, s.Experts, s.Hidden, 2 * s.ExpertWidth);
            Add(s.Prefix + at + "experts.down_proj", MathF.Sqrt(3f / s.ExpertWidth), 0, s.Experts, s.ExpertWidth, s.Hidden);
        }
        else if (fuses)
        {
            Add(s.Prefix + at + "experts.gate_up_proj", MathF.Sqrt(3f / s.Hidden), 0, s.Experts, 2 * s.ExpertWidth, s.Hidden);
            Add(s.Prefix + at + "experts.down_proj", MathF.Sqrt(3f / s.ExpertWidth), 0, s.Experts, s.Hidden, s.ExpertWidth);
        }
        else
        {
            for (var expert = 0; expert < s.Experts; expert++)
                AddFeedForward($"{at}experts.{expert}.", s.ExpertWidth);
        }
        if (s.SharedWidth > 0)
        {
            AddFeedForward(at + "shared_expert.", s.SharedWidth);
            Matrix(at + "shared_expert_gate.weight", 1, s.Hidden);
        }
    }

    private void Norm(string name, int length) => Add(Settings.Prefix + name, 0.5f, Settings.IsHybrid ? 0 : 1, length);

    private void Matrix(string name, int rows, int columns, float scale = 0) => Add(Settings.Prefix + name, scale > 0 ? scale : MathF.Sqrt(3f / columns), 0, rows, columns);

    /// <summary>Weights evenly from <c>center − range</c> to <c>center + range</c>, as F32: what is stored is what is computed with.</summary>
    private void Add(string name, float range, float center, params long[] shape)
    {
        var weights = new float[shape.Aggregate(1L, (product, length) => product * length)];
        foreach (ref var weight in weights.AsSpan())
            weight = center + (range * ((2 * _random.NextSingle()) - 1));
        _checkpoint.Tensors.Add(name, new TinyCheckpoint.Tensor("F32", shape, MemoryMarshal.AsBytes(weights.AsSpan()).ToArray()));
    }
}
