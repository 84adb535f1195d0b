using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>InternVL's vision tower, under the names of its own code and of the library.</summary>
internal sealed class InternVlProjector : Projector
{
    private const string Tower = "vision_tower.";

    // The library's names by those of InternVL's own code.
    private static readonly (string Library, string Own)[] Names =
    [
        ("embeddings.cls_token", "embeddings.class_embedding"), ("embeddings.patch_embeddings.projection.", "embeddings.patch_embedding."),
        ("embeddings.position_embeddings", "embeddings.position_embedding"), ("encoder.layer.", "encoder.layers."), (".layernorm_before.", ".norm1."),
        (".layernorm_after.", ".norm2."), (".lambda_1", ".ls1"), (".lambda_2", ".ls2"), (".attention.projection_layer.", ".attn.proj."), (".attention.", ".attn."),
        ("multi_modal_projector.layer_norm.", "mlp1.0."), ("multi_modal_projector.linear_1.", "mlp1.1."), ("multi_modal_projector.linear_2.", "mlp1.3."),
    ];

    public override IReadOnlyList<string> ClassNames => ["InternVLForConditionalGeneration", "InternVLChatModel", "InternVisionModel"];

    public override string Name => "internvl";

    public override long TextHidden => 4096;

    public override string VisionDefaults => """
        {
          "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "image_size": 448, "patch_size": 14,
          "hidden_act": "gelu", "layer_norm_eps": 1e-6, "norm_type": "layer_norm"
        }
        """;

    public override bool Includes(string source)
        => Normalize(source) is var name && (name.StartsWith(Tower, StringComparison.Ordinal) || name.StartsWith("mlp1.", StringComparison.Ordinal));

    public override string Normalize(string source)
    {
        var name = base.Normalize(source);
        if (name.StartsWith("vision_model.", StringComparison.Ordinal))
            name = Tower + name["vision_model.".Length..];
        return name.StartsWith(Tower, StringComparison.Ordinal) || name.StartsWith("multi_modal_projector.", StringComparison.Ordinal)
            ? Names.Aggregate(name, (current, pair) => current.Replace(pair.Library, pair.Own, StringComparison.Ordinal))
            : name;
    }

    public override TensorTable Tensors(ProjectorConfig config)
    {
        const string Layer = $"{Tower}encoder.layers.*";
        var vision = config.Vision;
        var sizes = TowerSizes.From(vision);
        var (hidden, feedForward) = (sizes.Hidden, sizes.FeedForward);
        var (image, patch) = (Side(vision, "image_size"), Side(vision, "patch_size"));
        var merged = Scale(config) * Scale(config) * hidden;
        var table = new TensorTable(sizes.Layers)
        {
            { $"{Tower}embeddings.class_embedding", "v.class_embd", [1, 1, hidden] },
            { $"{Tower}embeddings.position_embedding", "v.position_embd.weight", [1, (image / patch * (image / patch)) + 1, hidden] },
            { $"{Layer}.ls1", "v.blk.*.ls1.weight", [hidden] },
            { $"{Layer}.ls2", "v.blk.*.ls2.weight", [hidden] },
        };
        table.AddLinear($"{Tower}embeddings.patch_embedding", "v.patch_embd", hidden, 3, patch, patch);
        table.AddLinear($"{Layer}.norm1", "v.blk.*.ln1", hidden);
        table.AddLinear($"{Layer}.norm2", "v.blk.*.ln2", hidden);
        var bias = vision.FindBoolean("qkv_bias", "attention_bias") ?? true;
        foreach (var (part, name) in new[] { "q", "k", "v" }.Index())
        {
            // All three in one matrix, or apart.
            var order = RowOrders.PartOfBlocks(hidden, 3 * hidden, part * hidden);
            table.Add(new TensorRule($"{Layer}.attn.qkv.weight", $"v.blk.*.attn_{name}.weight", [3 * hidden, hidden]) { Order = order, View = [hidden, hidden] });
            table.Add(new TensorRule($"{Layer}.attn.qkv.bias", $"v.blk.*.attn_{name}.bias", [3 * hidden]) { Order = order, View = [hidden], Optional = !bias });
            table.AddMaybeBiased($"{Layer}.attn.{name}_proj", $"v.blk.*.attn_{name}", bias, hidden, hidden);
        }
        table.AddLinear($"{Layer}.attn.proj", "v.blk.*.attn_out", hidden, hidden);
        table.AddLinear($"{Layer}.mlp.fc1", "v.blk.*.ffn_up", feedForward, hidden);
        table.AddLinear($"{Layer}.mlp.fc2", "v.blk.*.ffn_down", hidden, feedForward);
        table.AddLinear("mlp1.0", "mm.model.mlp.0", merged);
        table.AddLinear("mlp1.1", "mm.model.mlp.1", config.TextHidden, merged);
        table.AddLinear("mlp1.3", "mm.model.mlp.3", config.TextHidden, config.TextHidden);
        return table;
    }

    public override void Describe(ProjectorConfig config, GgufMetadata metadata)
    {
        var vision = config.Vision;
        RequireComputable(vision);
        metadata.WriteVision(config, TowerSizes.From(vision), Side(vision, "image_size"), Side(vision, "patch_size"));
        metadata.Set("clip.projector_type", Name);
        metadata.WriteEpsilon("vision", vision.FindNumber(0, 1, "layer_norm_eps") ?? 1e-6);
        metadata.Set(vision.FindText("hidden_act") == "silu" ? "clip.use_silu" : "clip.use_gelu", true);
        metadata.Set("clip.vision.projector.scale_factor", (uint)Scale(config));
        Tiles("clip.vision.preproc_min_tiles", "min_dynamic_patch");
        Tiles("clip.vision.preproc_max_tiles", "max_dynamic_patch");

        void Tiles(string key, string name)
        {
            if (config.Model.FindCount(name) is { } tiles and > 0)
                metadata.Set(key, tiles);
        }
    }

    private static void RequireComputable(CheckpointConfig vision)
    {
        RequireActivation(vision, "hidden_act", "gelu", "silu");
        if (vision.FindText("norm_type") is not (null or "layer_norm"))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: InternVL's tower with norms of type '{vision.FindText("norm_type")}' cannot be converted.");
        if (vision.FindBoolean("qk_normalization", "use_qk_norm") is true)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: InternVL's tower with normalised queries and keys cannot be converted.");
    }

    /// <summary>A side in pixels, which the library has for height and width.</summary>
    private static long Side(CheckpointConfig vision, string key)
    {
        if (vision.Find(key) is not { ValueKind: JsonValueKind.Array } sides)
            return vision.Size(key);
        var values = CheckpointJson.Guard(vision.Path, () => sides.EnumerateArray().Select(side => side.GetInt32()).Distinct().ToArray());
        return values is [> 0] ? values[0] : throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: {key} should be a square's, not {sides.GetRawText()}.");
    }

    private static long Scale(ProjectorConfig config)
    {
        var ratio = config.Model.FindNumber("downsample_ratio") ?? 0.5;
        return ratio is > 0.01 and <= 1 ? (long)(1 / ratio) : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Model.Path} says downsample_ratio = {ratio}, which cannot be.");
    }
}
