namespace ModelOps.Conversion;

/// <summary>Qwen2-VL's vision tower.</summary>
internal sealed class Qwen2VlProjector : Projector
{
    /// <summary>What upstream assumes of the image's side, which the checkpoint does not limit.</summary>
    internal const long AssumedImage = 560;

    public override IReadOnlyList<string> ClassNames => ["Qwen2VLForConditionalGeneration", "Qwen2VLModel"];

    public override string Name => "qwen2vl_merger";

    public override long TextHidden => 8192;

    public override string VisionDefaults => """
        {
          "depth": 32, "embed_dim": 1280, "hidden_size": 3584, "hidden_act": "quick_gelu", "mlp_ratio": 4, "num_heads": 16, "patch_size": 14,
          "spatial_merge_size": 2, "temporal_patch_size": 2
        }
        """;

    public override bool Includes(string source) => Normalize(source).StartsWith("visual.", StringComparison.Ordinal);

    public override TensorTable Tensors(ProjectorConfig config)
    {
        QwenVisionTensors.RequireComputable(config.Vision);
        var sizes = Sizes(config.Vision);
        var hidden = sizes.Hidden;
        var merge = config.Vision.Size("spatial_merge_size");
        var table = new TensorTable(sizes.Layers);
        table.AddPatches(hidden, config.Vision.Size("patch_size"));
        table.AddLinear("visual.blocks.*.norm1", "v.blk.*.ln1", hidden);
        table.AddSplitAttention(hidden);
        table.AddLinear("visual.blocks.*.norm2", "v.blk.*.ln2", hidden);
        table.AddLinear("visual.blocks.*.mlp.fc1", "v.blk.*.ffn_up", sizes.FeedForward, hidden);
        table.AddLinear("visual.blocks.*.mlp.fc2", "v.blk.*.ffn_down", hidden, sizes.FeedForward);
        table.AddLinear("visual.merger.ln_q", "v.post_ln", hidden);
        table.AddMerger("visual.merger.mlp.0", "visual.merger.mlp.2", merge * merge * hidden, config.TextHidden);
        return table;
    }

    public override void Describe(ProjectorConfig config, GgufMetadata metadata)
    {
        RequireActivation(config.Vision, "hidden_act", "quick_gelu");
        var vision = config.Vision;
        // llama.cpp's converter says the merger's width here, not the feed-forward networks'; its engine takes neither from the key.
        var written = Sizes(vision) with { FeedForward = vision.Size("hidden_size") };
        metadata.WriteVision(config, written, vision.Size("image_size", AssumedImage), vision.Size("patch_size"));
        metadata.Set("clip.projector_type", Name);
        metadata.WriteMerge(vision);
        metadata.WriteEpsilon("vision", config.Model.FindOwnNumber("rms_norm_eps") ?? 1e-6);
    }

    private static TowerSizes Sizes(CheckpointConfig vision)
    {
        var hidden = vision.Size("embed_dim");
        var ratio = vision.FindNumber(0, 1024, "mlp_ratio") ?? 4;
        return new TowerSizes(hidden, (long)(hidden * ratio), vision.Size("depth"), vision.Size("num_heads")).Checked(vision);
    }
}
