namespace ModelOps.Conversion;

/// <summary>LFM2-VL's SigLIP 2 tower, which takes images of any shape.</summary>
internal sealed class Lfm2VlProjector : Projector
{
    private const string Tower = "vision_tower.vision_model";

    /// <summary>What llama.cpp's converter writes for a tower that takes images of any size.</summary>
    private const long AssumedImage = 256;

    public override IReadOnlyList<string> ClassNames => ["Lfm2VlForConditionalGeneration"];

    public override string Name => "lfm2";

    public override long TextHidden => 2560;

    public override string VisionDefaults => """
        {
          "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "num_patches": 256, "patch_size": 16,
          "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6
        }
        """;

    // The tower's head is for classifying images; the language model sees the patches.
    public override bool Includes(string source)
        => Normalize(source) is var name
            && (name.StartsWith("vision_tower.", StringComparison.Ordinal) || name.StartsWith("multi_modal_projector.", StringComparison.Ordinal))
            && !name.Contains("vision_model.head.", StringComparison.Ordinal);

    public override TensorTable Tensors(ProjectorConfig config)
    {
        var sizes = TowerSizes.From(config.Vision);
        var (hidden, patch) = (sizes.Hidden, config.Vision.Size("patch_size"));
        var (merge, width) = (config.Model.Size("downsample_factor", 2), config.Model.Size("projector_hidden_size", 2560));
        var table = new TensorTable(sizes.Layers)
        {
            { $"{Tower}.embeddings.patch_embedding.bias", "v.patch_embd.bias", [hidden] },
            { $"{Tower}.embeddings.position_embedding.weight", "v.position_embd.weight", [config.Vision.Size("num_patches"), hidden] },
        };
        table.Add(new TensorRule($"{Tower}.embeddings.patch_embedding.weight", "v.patch_embd.weight", [hidden, 3 * patch * patch])
        {
            Order = RowOrders.ChannelsFirst(patch),
            IsElementwise = true,
            View = [hidden, 3, patch, patch],
        });
        table.AddSiglip(Tower, sizes);
        if (config.Model.FindBoolean("projector_use_layernorm") ?? true)
            table.AddLinear("multi_modal_projector.layer_norm", "mm.input_norm", merge * merge * hidden);
        table.AddLinear("multi_modal_projector.linear_1", "mm.1", width, merge * merge * hidden);
        table.AddLinear("multi_modal_projector.linear_2", "mm.2", config.TextHidden, width);
        return table;
    }

    public override void Describe(ProjectorConfig config, GgufMetadata metadata)
    {
        RequireActivation(config.Vision, "hidden_act", "gelu_pytorch_tanh");
        RequireActivation(config.Model, "projector_hidden_act", "gelu");
        if (config.Model.FindBoolean("projector_bias") is false)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Model.Path}: llama.cpp's LFM2-VL has biases in what leads from its tower, the checkpoint has none (projector_bias).");
        var sizes = TowerSizes.From(config.Vision);
        // Counted from the end: -1 is the last layer, -2 leaves one out.
        var layers = config.Model.FindInteger("vision_feature_layer") is { } last ? sizes.Layers + last + 1 : sizes.Layers;
        if (layers < 1 || layers > sizes.Layers)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Model.Path}: vision_feature_layer = {layers - sizes.Layers - 1} is not counted from the end of {sizes.Layers} layers.");
        metadata.WriteVision(config, sizes with { Layers = layers }, AssumedImage, config.Vision.Size("patch_size"));
        metadata.Set("clip.projector_type", Name);
        metadata.WriteEpsilon("vision", config.Vision.FindNumber(0, 1, "layer_norm_eps") ?? 1e-6);
        metadata.Set("clip.vision.projector.scale_factor", (uint)config.Model.Size("downsample_factor", 2));
        metadata.Set("clip.use_gelu", true);
    }
}
