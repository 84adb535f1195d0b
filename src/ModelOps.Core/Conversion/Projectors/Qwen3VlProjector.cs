using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>The vision tower of Qwen3-VL and of Qwen 3.5 and later: positions are learned; some layers lead to the language model early.</summary>
/// <param name="className">Class of the model library.</param>
/// <param name="textHidden">Length of the language model's embeddings, which the class assumes.</param>
/// <param name="earlyLayers">The layers that lead to the language model early, which the class assumes; as JSON.</param>
internal sealed class Qwen3VlProjector(string className, long textHidden, string earlyLayers) : Projector
{
    private const string Qwen3VlLayers = "[8, 16, 24]";

    /// <summary>For each class of the library.</summary>
    public static IReadOnlyList<Projector> All { get; } =
    [
        new Qwen3VlProjector("Qwen3VLForConditionalGeneration", 4096, Qwen3VlLayers),
        new Qwen3VlProjector("Qwen3VLMoeForConditionalGeneration", 2048, Qwen3VlLayers),
        new Qwen3VlProjector("Qwen3_5ForConditionalGeneration", 4096, "[]"),
        new Qwen3VlProjector("Qwen3_5MoeForConditionalGeneration", 2048, "[]"),
    ];

    public override IReadOnlyList<string> ClassNames => [className];

    public override long TextHidden => textHidden;

    public override string Name => "qwen3vl_merger";

    public override string VisionDefaults => $$"""
        {
          "depth": 27, "hidden_size": 1152, "hidden_act": "gelu_pytorch_tanh", "intermediate_size": 4304, "num_heads": 16, "patch_size": 16,
          "spatial_merge_size": 2, "temporal_patch_size": 2, "num_position_embeddings": 2304, "deepstack_visual_indexes": {{earlyLayers}}
        }
        """;

    public override bool Includes(string source) => Normalize(source).StartsWith("visual.", StringComparison.Ordinal);

    public override TensorTable Tensors(ProjectorConfig config)
    {
        QwenVisionTensors.RequireComputable(config.Vision);
        var sizes = Sizes(config.Vision);
        var hidden = sizes.Hidden;
        var merge = config.Vision.Size("spatial_merge_size");
        var merged = merge * merge * hidden;
        var table = new TensorTable(sizes.Layers)
        {
            { "visual.patch_embed.proj.bias", "v.patch_embd.bias", [hidden] },
            { "visual.pos_embed.weight", "v.position_embd.weight", [config.Vision.Size("num_position_embeddings"), hidden] },
        };
        table.AddPatches(hidden, config.Vision.Size("patch_size"));
        table.AddLinear("visual.blocks.*.norm1", "v.blk.*.ln1", hidden);
        table.AddLinear("visual.blocks.*.attn.qkv", "v.blk.*.attn_qkv", 3 * hidden, hidden);
        table.AddLinear("visual.blocks.*.attn.proj", "v.blk.*.attn_out", hidden, hidden);
        table.AddLinear("visual.blocks.*.norm2", "v.blk.*.ln2", hidden);
        table.AddLinear("visual.blocks.*.mlp.linear_fc1", "v.blk.*.ffn_up", sizes.FeedForward, hidden);
        table.AddLinear("visual.blocks.*.mlp.linear_fc2", "v.blk.*.ffn_down", hidden, sizes.FeedForward);
        table.AddLinear("visual.merger.norm", "v.post_ln", hidden);
        table.AddMerger("visual.merger.linear_fc1", "visual.merger.linear_fc2", merged, config.TextHidden);
        foreach (var (i, layer) in EarlyLayers(config.Vision, sizes.Layers).Index())
        {
            // Numbered one after the other in the checkpoint, by their layers in the output.
            table.AddLinear($"visual.deepstack_merger_list.{i}.norm", $"v.deepstack.{layer}.norm", merged);
            table.AddLinear($"visual.deepstack_merger_list.{i}.linear_fc1", $"v.deepstack.{layer}.fc1", merged, merged);
            table.AddLinear($"visual.deepstack_merger_list.{i}.linear_fc2", $"v.deepstack.{layer}.fc2", config.TextHidden, merged);
        }
        return table;
    }

    public override void Describe(ProjectorConfig config, GgufMetadata metadata)
    {
        var vision = config.Vision;
        RequireActivation(vision, "hidden_act", "gelu_pytorch_tanh");
        var sizes = Sizes(vision);
        var patch = vision.Size("patch_size");
        metadata.WriteVision(config, sizes, vision.Size("image_size", (long)(Math.Sqrt(vision.Size("num_position_embeddings")) * patch)), patch);
        metadata.Set("clip.projector_type", Name);
        metadata.Set("clip.use_gelu", true);
        metadata.Set("clip.vision.spatial_merge_size", (uint)vision.Size("spatial_merge_size"));
        metadata.WriteEpsilon("vision", config.Model.FindPart("text_config")?.FindNumber(0, 1, "rms_norm_eps") ?? 1e-6);
        var early = EarlyLayers(vision, sizes.Layers);
        metadata.Set("clip.vision.is_deepstack_layers", Enumerable.Range(0, (int)sizes.Layers).Select(layer => early.Contains(layer)).ToArray());
    }

    private static TowerSizes Sizes(CheckpointConfig vision)
        => new TowerSizes(vision.Size("hidden_size"), vision.Size("intermediate_size"), vision.Size("depth"), vision.Size("num_heads")).Checked(vision);

    private static int[] EarlyLayers(CheckpointConfig vision, long layers)
    {
        var early = vision.Find("deepstack_visual_indexes") is { ValueKind: JsonValueKind.Array } list
            ? CheckpointJson.Guard(vision.Path, () => list.EnumerateArray().Select(layer => layer.GetInt32()).ToArray())
            : [];
        return Array.TrueForAll(early, layer => layer >= 0 && layer < layers) && early.Distinct().Count() == early.Length
            ? early
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"{vision.Path}: deepstack_visual_indexes ({string.Join(", ", early)}) are not of {layers} layers.");
    }
}
