using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// Granite 4: Mamba 2 in most layers and attention in the others, or attention in all; experts beside a network that all tokens pass, or
/// that network alone.
/// </summary>
internal class GraniteHybrid : GraniteMoe
{
    /// <summary>Where nothing is rotated nothing bounds the context; llama.cpp's converter writes this.</summary>
    private const uint Unbounded = 1 << 20;

    public override IReadOnlyList<string> ClassNames => ["GraniteMoeHybridForCausalLM"];

    public override string Name => "granitehybrid";

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.ReferenceForward;

    public override string Defaults => """
        {
          "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
          "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
          "attention_multiplier": 1.0, "embedding_multiplier": 1.0, "residual_multiplier": 1.0, "logits_scaling": 1.0,
          "num_local_experts": 8, "num_experts_per_tok": 2, "shared_intermediate_size": 1024,
          "mamba_n_heads": 128, "mamba_n_groups": 1, "mamba_d_state": 256, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_conv_bias": true, "mamba_proj_bias": false
        }
        """;

    public override TokenizerTraits Tokenizer => TokenizerTraits.None;

    /// <summary>Without Mamba it is Granite 3's architecture to the engine, with experts or without.</summary>
    public override Architecture Refine(Checkpoint checkpoint)
    {
        var config = Complete(checkpoint.Config);
        return IsMamba(config).Contains(true) ? this : new GraniteHybridAttention(HasExperts(config));
    }

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var (sizes, isMamba) = (DecoderSizes.From(config), IsMamba(config));
        var table = new TensorTable(isMamba.Count);
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddNorms(sizes);
        table.Of(Where(false)).AddAttention(sizes, isPaired: true);
        if (isMamba.Contains(true))
        {
            var mixer = Mixer(config);
            RequireComputable(config, mixer);
            mixer.AddTo(table.Of(Where(true)), "model.layers.*.mamba");
        }
        if (HasExperts(config))
            AddFeedForward(table, sizes, config);
        else
            AddShared(table, config.Size("shared_intermediate_size"), sizes.Hidden, "");
        return table;

        IEnumerable<long> Where(bool mamba) => TensorTable.LayersFrom(0, isMamba.Count).Where(layer => isMamba[(int)layer] == mamba);
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        var isMamba = IsMamba(config);
        base.Describe(config, recipe, metadata);
        if (!HasExperts(config))
        {
            // The width of experts that are not there is not that of the network which is, and none of them are used.
            metadata.Set(Key("feed_forward_length"), (uint)config.Size("shared_intermediate_size"));
            metadata.Set(Key("expert_count"), 0u);
            metadata.Set(Key("expert_used_count"), 0u);
        }
        Mixer(config).Describe(this, metadata);
        var heads = checked((int)DecoderSizes.From(config).KeyValueHeads);
        metadata.Set(Key("attention.head_count_kv"), isMamba.Select(mamba => mamba ? 0 : heads).ToArray());
        // To the engine a switch: whether anything is rotated.
        var isRotated = config.FindText("position_embedding_type") == "rope";
        metadata.Set(Key("rope.scaling.finetuned"), isRotated);
        if (!isRotated)
            metadata.Set(Key("context_length"), Unbounded);
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata) => Vocabulary.Read(files, config, Tokenizer).Write(files, config, Tokenizer, metadata);

    private static bool HasExperts(CheckpointConfig config) => config.FindInteger("num_local_experts") is not (null or 0);

    /// <summary>Which layers are of Mamba 2; all, unless config.json says.</summary>
    private IReadOnlyList<bool> IsMamba(CheckpointConfig config)
    {
        var layers = Layers(config);
        if (config.Find("layer_types", "layers_block_type") is not { ValueKind: JsonValueKind.Array } types)
            return [.. TensorTable.LayersFrom(0, layers).Select(_ => true)];
        var isMamba = CheckpointJson.Guard(config.Path, () => types.EnumerateArray().Select(type => type.GetString() switch
        {
            "mamba" or "linear_attention" => true,
            "attention" or "full_attention" => false,
            var other => throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: Granite 4 with layers of the type '{other}' cannot be converted."),
        }).ToList());
        return isMamba.Count == layers ? isMamba : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} has {isMamba.Count} layer_types for {layers} layers.");
    }

    private static Mamba2Mixer Mixer(CheckpointConfig config) => new(
        config.Size("hidden_size"), config.Size("mamba_n_heads"), config.Size("mamba_expand") * config.Size("hidden_size"), config.Size("mamba_d_state"), config.Size("mamba_n_groups"), config.Size("mamba_d_conv"));

    /// <summary>Refuses what llama.cpp's Granite 4 would compute otherwise, or end itself over.</summary>
    private static void RequireComputable(CheckpointConfig config, Mamba2Mixer mixer)
    {
        mixer.RequireComputable(config, ["mamba_proj_bias"], "mamba_conv_bias");
        if (mixer.Inner != 2 * mixer.Hidden)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Granite 4 has mixers of twice the model's width, the checkpoint of {config.Size("mamba_expand")} times (mamba_expand).");
        // The library's norm after the mixer is of all groups at once.
        if (mixer.Groups != 1)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Granite 4 normalises each group by itself, the checkpoint all {mixer.Groups} together (mamba_n_groups).");
    }
}
