namespace ModelOps.Conversion;

/// <summary>The SigLIP tower of Idefics 3 and SmolVLM: squares of patches are laid side by side and projected at once.</summary>
internal sealed class Idefics3Projector : Projector
{
    public override IReadOnlyList<string> ClassNames => ["Idefics3ForConditionalGeneration", "SmolVLMForConditionalGeneration"];

    public override string Name => "idefics3";

    public override long TextHidden => 4096;

    public override string VisionDefaults => """
        {
          "hidden_size": 1152, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 16, "image_size": 224, "patch_size": 32,
          "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6
        }
        """;

    public override bool Includes(string source)
        => Normalize(source) is var name && (name.StartsWith("vision_model.", StringComparison.Ordinal) || name.StartsWith("connector.", StringComparison.Ordinal));

    public override TensorTable Tensors(ProjectorConfig config)
    {
        const string Embeddings = "vision_model.embeddings";
        var sizes = TowerSizes.From(config.Vision);
        var (image, patch) = (config.Vision.Size("image_size"), config.Vision.Size("patch_size"));
        var square = Scale(config) * Scale(config);
        var table = new TensorTable(sizes.Layers)
        {
            { $"{Embeddings}.patch_embedding.bias", "v.patch_embd.bias", [sizes.Hidden] },
            { $"{Embeddings}.position_embedding.weight", "v.position_embd.weight", [image / patch * (image / patch), sizes.Hidden] },
            { "connector.modality_projection.proj.weight", "mm.model.fc.weight", [config.TextHidden, square * sizes.Hidden] },
        };
        table.Add(new TensorRule($"{Embeddings}.patch_embedding.weight", "v.patch_embd.weight", [sizes.Hidden, 3, patch, patch]) { Type = GgmlType.F32 });
        table.AddSiglip("vision_model", sizes);
        return table;
    }

    public override void Describe(ProjectorConfig config, GgufMetadata metadata)
    {
        RequireActivation(config.Vision, "hidden_act", "gelu_pytorch_tanh");
        var image = config.Vision.Size("image_size");
        metadata.WriteVision(config, TowerSizes.From(config.Vision), image, config.Vision.Size("patch_size"));
        metadata.Set("clip.projector_type", Name);
        metadata.WriteEpsilon("vision", config.Vision.FindNumber(0, 1, "layer_norm_eps") ?? 1e-6);
        metadata.Set("clip.vision.projector.scale_factor", (uint)Scale(config));
        metadata.Set("clip.use_gelu", true);
        // Larger images are cut into tiles of the tower's size, of an image shrunk to this.
        metadata.Set("clip.vision.preproc_image_size", (uint)(config.Preprocessor.FindPart("size")?.Size("longest_edge", image) ?? image));
    }

    private static long Scale(ProjectorConfig config) => config.Model.Size("scale_factor", 2);
}
