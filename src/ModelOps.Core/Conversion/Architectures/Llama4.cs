using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// Llama 4's language model, alone or inside the multimodal checkpoint: experts beside a shared one in every n-th layer, attention in
/// chunks except in every fourth layer, which has no positions. Its rotary pairs are neighbours already.
/// </summary>
internal sealed class Llama4 : Architecture
{
    // What llama.cpp's Llama 4 has fixed.
    private const int Interval = 4;
    private const long Chunk = 8192;
    private const double TemperatureScale = 0.1;

    /// <summary>Experts of the model (Maverick) that llama.cpp knows not to norm queries and keys.</summary>
    private const long ExpertsWithoutNorms = 128;

    public override IReadOnlyList<string> ClassNames => ["Llama4ForCausalLM", "Llama4ForConditionalGeneration"];

    public override string Name => "llama4";

    public override string Defaults => """
        {
          "vocab_size": 202048, "hidden_size": 5120, "intermediate_size": 8192, "intermediate_size_mlp": 16384, "num_hidden_layers": 48, "num_attention_heads": 40,
          "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": false,
          "num_experts_per_tok": 1, "num_local_experts": 16, "interleave_moe_layer_step": 1, "use_qk_norm": true, "no_rope_layer_interval": 4,
          "attention_chunk_size": 8192, "attn_temperature_tuning": true, "floor_scale": 8192, "attn_scale": 0.1
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "llama4" };

    public override bool Ignores(string source) => base.Ignores(source) || OtherModalities.Include(source);

    public override TensorTable Tensors(CheckpointConfig config)
    {
        RequireComputable(config);
        var sizes = DecoderSizes.From(config, config.Size("intermediate_size_mlp"));
        var (layers, step) = (Layers(config), config.Size("interleave_moe_layer_step"));
        var table = new TensorTable(layers);
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddNorms(sizes);
        table.AddAttention(sizes);
        var dense = table.Of(TensorTable.LayersFrom(0, layers).Where(layer => !HasExperts(layer, step)));
        dense.Add("model.layers.*.feed_forward.gate_proj.weight", "blk.*.ffn_gate.weight", [sizes.FeedForward, sizes.Hidden]);
        dense.Add("model.layers.*.feed_forward.up_proj.weight", "blk.*.ffn_up.weight", [sizes.FeedForward, sizes.Hidden]);
        dense.Add("model.layers.*.feed_forward.down_proj.weight", "blk.*.ffn_down.weight", [sizes.Hidden, sizes.FeedForward]);
        AddExperts(table.Of(TensorTable.LayersFrom(0, layers).Where(layer => HasExperts(layer, step))), config.Size("num_local_experts"), config.Size("intermediate_size"), sizes.Hidden);
        return table;
    }

    public override IEnumerable<(string Name, TensorSource Tensor)> ComputedTensors(CheckpointConfig config)
        => RopeFactors.Llama3(RopeParameters.From(config), checked((int)DecoderSizes.From(config, 1).HeadLength)) is { } factors
            ? [("rope_freqs.weight", new ComputedTensor(factors))]
            : [];

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("feed_forward_length"), (uint)config.Size("intermediate_size_mlp"));
        metadata.Set(Key("vocab_size"), (uint)config.Size("vocab_size"));
        metadata.Set(Key("rope.dimension_count"), (uint)DecoderSizes.From(config).HeadLength);
        metadata.Set(Key("interleave_moe_layer_step"), (uint)config.Size("interleave_moe_layer_step"));
        metadata.Set(Key("expert_feed_forward_length"), (uint)config.Size("intermediate_size"));
    }

    private static bool HasExperts(long layer, long step) => (layer + 1) % step == 0;

    private static void AddExperts(TensorTable table, long experts, long width, long hidden)
    {
        table.Add("model.layers.*.feed_forward.router.weight", "blk.*.ffn_gate_inp.weight", [experts, hidden]);
        table.Add("model.layers.*.feed_forward.shared_expert.gate_proj.weight", "blk.*.ffn_gate_shexp.weight", [width, hidden]);
        table.Add("model.layers.*.feed_forward.shared_expert.up_proj.weight", "blk.*.ffn_up_shexp.weight", [width, hidden]);
        table.Add("model.layers.*.feed_forward.shared_expert.down_proj.weight", "blk.*.ffn_down_shexp.weight", [hidden, width]);
        // [experts, in, out], gate beside up.
        table.Add(Half("blk.*.ffn_gate_exps.weight", 0));
        table.Add(Half("blk.*.ffn_up_exps.weight", width));
        table.Add(new TensorRule("model.layers.*.feed_forward.experts.down_proj", "blk.*.ffn_down_exps.weight", [experts, width, hidden]) { Transposed = new ColumnRange(0, hidden) });

        TensorRule Half(string target, long first) => new("model.layers.*.feed_forward.experts.gate_up_proj", target, [experts, hidden, 2 * width])
        {
            Transposed = new ColumnRange(first, width),
        };
    }

    /// <summary>Refuses what llama.cpp's Llama 4, with so much fixed, would compute otherwise.</summary>
    private void RequireComputable(CheckpointConfig config)
    {
        var (layers, context) = (Layers(config), config.Size("max_position_embeddings"));
        Require(config.FindBoolean("attention_bias") is not true, "no biases in attention (attention_bias)");
        Require(HasPositions(config).SequenceEqual(Enumerable.Range(1, (int)layers).Select(layer => layer % Interval != 0)), "every fourth layer without positions (no_rope_layers)");
        Require(
            LayerTypes.Find(config, layers) is not { } types || types.SequenceEqual(HasPositions(config).Select(positions => positions ? "chunked_attention" : "full_attention")),
            "attention in chunks wherever there are positions (layer_types)");
        Require((config.FindInteger("attention_chunk_size") ?? context) == Chunk || context <= Chunk, $"attention in chunks of {Chunk} tokens (attention_chunk_size)");
        Require(
            context < Chunk || (config.FindBoolean("attn_temperature_tuning") is true && config.FindNumber("floor_scale") is Chunk && config.FindNumber("attn_scale") is TemperatureScale),
            $"attention that grows with the position (attn_temperature_tuning, floor_scale {Chunk}, attn_scale 0.1)");
        var step = config.Size("interleave_moe_layer_step");
        Require(
            config.Find("moe_layers") is not { ValueKind: JsonValueKind.Array } list
                || CheckpointJson.Guard(config.Path, () => list.EnumerateArray().Select(layer => layer.GetInt64()).Order().SequenceEqual(TensorTable.LayersFrom(0, layers).Where(layer => HasExperts(layer, step)))),
            $"experts in every layer whose number divides by {step} (moe_layers)");
        Require(
            config.FindBoolean("use_qk_norm") == (config.Size("num_local_experts") != ExpertsWithoutNorms),
            $"norms of queries and keys except with {ExpertsWithoutNorms} experts (use_qk_norm)");

        void Require(bool holds, string needed)
        {
            if (!holds)
                throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Llama 4 needs {needed}.");
        }
    }

    /// <summary>Which layers have rotary positions.</summary>
    private List<bool> HasPositions(CheckpointConfig config)
    {
        if (config.Find("no_rope_layers") is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0)
            return CheckpointJson.Guard(config.Path, () => list.EnumerateArray().Select(layer => layer.GetInt32() != 0).Take((int)Layers(config)).ToList());
        var interval = config.Size("no_rope_layer_interval");
        return [.. TensorTable.LayersFrom(1, Layers(config) + 1).Select(layer => layer % interval != 0)];
    }
}
