using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Qwen2.5-VL's vision tower: root-mean-square norms, gated networks, windows in most layers.</summary>
internal sealed class Qwen25VlProjector : Projector
{
    /// <summary>Pixels of a window's side, which llama.cpp has built in.</summary>
    private const long Window = 112;

    public override IReadOnlyList<string> ClassNames => ["Qwen2_5_VLForConditionalGeneration"];

    public override string Name => "qwen2.5vl_merger";

    public override long TextHidden => 8192;

    public override string VisionDefaults => """
        {
          "depth": 32, "hidden_size": 3584, "hidden_act": "silu", "intermediate_size": 3420, "num_heads": 16, "patch_size": 14, "spatial_merge_size": 2,
          "temporal_patch_size": 2, "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31]
        }
        """;

    public override bool Includes(string source) => Normalize(source).StartsWith("visual.", StringComparison.Ordinal);

    public override TensorTable Tensors(ProjectorConfig config)
    {
        QwenVisionTensors.RequireComputable(config.Vision);
        var sizes = Sizes(config.Vision);
        var hidden = sizes.Hidden;
        var merge = config.Vision.Size("spatial_merge_size");
        var table = new TensorTable(sizes.Layers)
        {
            { "visual.blocks.*.norm1.weight", "v.blk.*.ln1.weight", [hidden] },
            { "visual.blocks.*.norm2.weight", "v.blk.*.ln2.weight", [hidden] },
            { "visual.merger.ln_q.weight", "v.post_ln.weight", [hidden] },
        };
        table.AddPatches(hidden, config.Vision.Size("patch_size"));
        table.AddSplitAttention(hidden);
        table.AddLinear("visual.blocks.*.mlp.gate_proj", "v.blk.*.ffn_gate", sizes.FeedForward, hidden);
        table.AddLinear("visual.blocks.*.mlp.up_proj", "v.blk.*.ffn_up", sizes.FeedForward, hidden);
        table.AddLinear("visual.blocks.*.mlp.down_proj", "v.blk.*.ffn_down", hidden, sizes.FeedForward);
        table.AddMerger("visual.merger.mlp.0", "visual.merger.mlp.2", merge * merge * hidden, config.TextHidden);
        return table;
    }

    public override void Describe(ProjectorConfig config, GgufMetadata metadata)
    {
        var vision = config.Vision;
        RequireActivation(vision, "hidden_act", "silu");
        if (vision.FindInteger("window_size") is { } window and not Window)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: llama.cpp's windows have a side of {Window} pixels, the checkpoint's {window} (window_size).");
        metadata.WriteVision(config, Sizes(vision), vision.Size("image_size", Qwen2VlProjector.AssumedImage), vision.Size("patch_size"));
        metadata.Set("clip.projector_type", Name);
        metadata.WriteMerge(vision);
        metadata.Set("clip.use_silu", true);
        metadata.Set("clip.vision.n_wa_pattern", (uint)Period(vision));
        metadata.WriteEpsilon("vision", config.Model.FindOwnNumber("rms_norm_eps") ?? 1e-6);
    }

    private static TowerSizes Sizes(CheckpointConfig vision)
        => new TowerSizes(vision.Size("hidden_size"), vision.Size("intermediate_size"), vision.Size("depth"), vision.Size("num_heads")).Checked(vision);

    /// <summary>Every so many layers one sees the whole image; llama.cpp knows no other pattern.</summary>
    private static long Period(CheckpointConfig vision)
    {
        var whole = vision.Find("fullatt_block_indexes") is { ValueKind: JsonValueKind.Array } layers
            ? CheckpointJson.Guard(vision.Path, () => layers.EnumerateArray().Select(layer => layer.GetInt64()).ToArray())
            : [];
        var period = whole.FirstOrDefault(-1) + 1;
        var layerCount = Sizes(vision).Layers;
        // Layers that are not there are of no account; the pattern goes on to the last that is, whether the list does or not.
        if (period < 1 || !Enumerable.Range(1, (int)(layerCount / period)).Select(i => (i * period) - 1).SequenceEqual(whole.Where(layer => layer < layerCount)))
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedArchitecture,
                $"{vision.Path}: the layers that see the whole image (fullatt_block_indexes: {string.Join(", ", whole)}) are not every so many, which is all that llama.cpp can say.");
        }
        return period;
    }
}
