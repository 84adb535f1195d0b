using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Pixtral's vision tower, of Mistral 3 and of Pixtral itself: rotary positions over rows and columns, a token that ends each row.</summary>
internal sealed class PixtralProjector : Projector
{
    private const string RowEnd = "[IMG_BREAK]";

    public override IReadOnlyList<string> ClassNames => ["Mistral3ForConditionalGeneration", "LlavaForConditionalGeneration"];

    public override string Name => "pixtral";

    public override long TextHidden => 4096;

    public override string VisionDefaults => """
        {
          "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "image_size": 1024, "patch_size": 16,
          "hidden_act": "gelu"
        }
        """;

    public override bool Includes(string source)
        => Normalize(source) is var name && (name.StartsWith("vision_tower.", StringComparison.Ordinal) || name.StartsWith("multi_modal_projector.", StringComparison.Ordinal) || name == "embed_tokens.weight");

    public override string Normalize(string source)
        => source is "language_model.model.embed_tokens.weight" or "model.language_model.embed_tokens.weight" ? "embed_tokens.weight" : base.Normalize(source);

    public override TensorTable Tensors(ProjectorConfig config)
    {
        const string Layer = "vision_tower.transformer.layers.*";
        RequireTower(config.Vision);
        var sizes = TowerSizes.From(config.Vision);
        var (hidden, patch) = (sizes.Hidden, config.Vision.Size("patch_size"));
        var pairs = RowOrders.RotaryPairs(sizes.Heads, hidden);
        var table = new TensorTable(sizes.Layers)
        {
            { "vision_tower.patch_conv.weight", "v.patch_embd.weight", [hidden, 3, patch, patch] },
            { "vision_tower.ln_pre.weight", "v.pre_ln.weight", [hidden] },
            { $"{Layer}.attention_norm.weight", "v.blk.*.ln1.weight", [hidden] },
            { $"{Layer}.attention.q_proj.weight", "v.blk.*.attn_q.weight", [hidden, hidden], pairs },
            { $"{Layer}.attention.k_proj.weight", "v.blk.*.attn_k.weight", [hidden, hidden], pairs },
            { $"{Layer}.attention.v_proj.weight", "v.blk.*.attn_v.weight", [hidden, hidden] },
            { $"{Layer}.attention.o_proj.weight", "v.blk.*.attn_out.weight", [hidden, hidden] },
            { $"{Layer}.ffn_norm.weight", "v.blk.*.ln2.weight", [hidden] },
            { $"{Layer}.feed_forward.gate_proj.weight", "v.blk.*.ffn_gate.weight", [sizes.FeedForward, hidden] },
            { $"{Layer}.feed_forward.up_proj.weight", "v.blk.*.ffn_up.weight", [sizes.FeedForward, hidden] },
            { $"{Layer}.feed_forward.down_proj.weight", "v.blk.*.ffn_down.weight", [hidden, sizes.FeedForward] },
        };
        if (Merge(config.Model) is { } merge)
        {
            table.Add("multi_modal_projector.norm.weight", "mm.input_norm.weight", [hidden]);
            table.Add("multi_modal_projector.patch_merger.merging_layer.weight", "mm.patch_merger.weight", [hidden, merge * merge * hidden]);
        }
        var bias = config.Model.FindBoolean("multimodal_projector_bias") ?? Merge(config.Model) is null;
        table.AddMaybeBiased("multi_modal_projector.linear_1", "mm.1", bias, config.TextHidden, hidden);
        table.AddMaybeBiased("multi_modal_projector.linear_2", "mm.2", bias, config.TextHidden, config.TextHidden);
        table.Add(EndOfRow(config));
        return table;
    }

    public override void Describe(ProjectorConfig config, GgufMetadata metadata)
    {
        var vision = config.Vision;
        RequireActivation(vision, "hidden_act", "gelu", "silu");
        RequireActivation(config.Model, "projector_hidden_act", "gelu");
        if (RopeParameters.From(vision).Theta is not (null or 10000))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: llama.cpp rotates Pixtral's patches by a base of 10000, the checkpoint says otherwise (rope_theta).");
        if (config.Model.FindInteger("vision_feature_layer") is not (null or -1))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Model.Path}: llama.cpp takes the last layer of Pixtral's tower, the checkpoint another (vision_feature_layer).");
        metadata.WriteVision(config, TowerSizes.From(vision), vision.Size("image_size"), vision.Size("patch_size"));
        metadata.Set("clip.projector_type", Name);
        // Not in config.json: the library has it built in.
        metadata.WriteEpsilon("vision", vision.FindNumber(0, 1, "layer_norm_eps") ?? 1e-5);
        metadata.Set(vision.FindText("hidden_act") == "silu" ? "clip.use_silu" : "clip.use_gelu", true);
        if (Merge(config.Model) is { } merge)
            metadata.Set("clip.vision.spatial_merge_size", (uint)merge);
    }

    /// <summary>
    /// The embedding of the token that ends a row of patches, which the engine needs here. llama.cpp's converter means to write it, and
    /// drops the language model's tensors, where it is, before.
    /// </summary>
    private static TensorRule EndOfRow(ProjectorConfig config)
    {
        var (vocabulary, hidden) = (config.Model.Size("vocab_size", 32000), config.TextHidden);
        var token = FindToken(config.Checkpoint) is { } found && found < vocabulary
            ? found
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Checkpoint.Folder} has no token '{RowEnd}', which ends a row of patches.", "tokenizer_config.json or tokenizer.json should have it; download them with the checkpoint.");
        return new TensorRule("embed_tokens.weight", "v.token_embd.img_break", [vocabulary, hidden]) { Order = i => (token * hidden) + i, IsElementwise = true, View = [hidden] };
    }

    private static long? FindToken(Checkpoint checkpoint)
        => CheckpointJson.Guard("tokenizer files", () =>
        {
            if (checkpoint.FindJson("tokenizer_config.json") is { } settings && settings.TryGetProperty("added_tokens_decoder", out var added) && added.ValueKind == JsonValueKind.Object)
            {
                foreach (var token in added.EnumerateObject())
                {
                    if (token.Value.GetProperty("content").GetString() == RowEnd && uint.TryParse(token.Name, out var id))
                        return id;
                }
            }
            return checkpoint.FindJson("tokenizer.json") is { } tokenizer && tokenizer.TryGetProperty("added_tokens", out var tokens)
                ? tokens.EnumerateArray().Where(token => token.GetProperty("content").GetString() == RowEnd).Select(token => (long?)token.GetProperty("id").GetUInt32()).FirstOrDefault()
                : null;
        });

    /// <summary>Patches that one embedding's side merges; null for Pixtral itself, which merges none.</summary>
    private static long? Merge(CheckpointConfig model)
        => model.OwnClassName == "Mistral3ForConditionalGeneration" || model.FindInteger("spatial_merge_size") is not null ? model.Size("spatial_merge_size", 2) : null;

    // Llava is a frame for many towers.
    private static void RequireTower(CheckpointConfig vision)
    {
        if (vision.FindText("model_type") is not "pixtral")
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: of Llava's towers only Pixtral's can be converted, not '{vision.FindText("model_type")}'.");
        if (vision.FindInteger("head_dim") is { } head && head * vision.Size("num_attention_heads") != vision.Size("hidden_size"))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: llama.cpp derives Pixtral's head length from hidden_size; head_dim says otherwise.");
    }
}
