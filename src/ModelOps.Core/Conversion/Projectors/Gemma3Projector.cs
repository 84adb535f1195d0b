namespace ModelOps.Conversion;

/// <summary>Gemma 3's SigLIP tower, whose patches are pooled to a square of soft tokens.</summary>
internal sealed class Gemma3Projector : Projector
{
    /// <summary>Patches that one soft token's side pools, which llama.cpp assumes unless told.</summary>
    private const long AssumedPooling = 4;

    public override IReadOnlyList<string> ClassNames => ["Gemma3ForConditionalGeneration"];

    public override string Name => "gemma3";

    public override long TextHidden => 2304;

    public override string VisionDefaults => """
        {
          "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "image_size": 224, "patch_size": 16,
          "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6
        }
        """;

    // The tower's head is for classifying images; the language model sees the patches.
    public override bool Includes(string source)
        => Normalize(source) is var name
            && (name.StartsWith("vision_tower.", StringComparison.Ordinal) || name.StartsWith("multi_modal_projector.", StringComparison.Ordinal))
            && !name.Contains("vision_model.head.", StringComparison.Ordinal);

    public override string Normalize(string source)
    {
        var name = base.Normalize(source);
        return name.StartsWith("vision_model.", StringComparison.Ordinal) ? "vision_tower." + name
            : name.StartsWith("multimodal_projector.", StringComparison.Ordinal) ? "multi_modal_projector." + name["multimodal_projector.".Length..]
            : name;
    }

    public override TensorTable Tensors(ProjectorConfig config)
    {
        const string Embeddings = "vision_tower.vision_model.embeddings";
        var sizes = TowerSizes.From(config.Vision);
        var (image, patch) = Sides(config);
        var positions = image / patch * (image / patch);
        var table = new TensorTable(sizes.Layers)
        {
            { $"{Embeddings}.patch_embedding.bias", "v.patch_embd.bias", [sizes.Hidden] },
            { $"{Embeddings}.position_embedding.weight", "v.position_embd.weight", [positions, sizes.Hidden] },
            // Stored minus one, as Gemma's norms are; SigLIP's are not.
            { "multi_modal_projector.mm_soft_emb_norm.weight", "mm.soft_emb_norm.weight", [sizes.Hidden], null, 1 },
        };
        table.Add(new TensorRule($"{Embeddings}.patch_embedding.weight", "v.patch_embd.weight", [sizes.Hidden, 3, patch, patch]) { Type = GgmlType.F32 });
        // BF16 has too few digits for it, and llama.cpp multiplies by its transpose, which Q8_0 has not.
        table.Add(new TensorRule("multi_modal_projector.mm_input_projection_weight", "mm.input_projection.weight", [sizes.Hidden, config.TextHidden]) { Type = GgmlType.F16 });
        table.AddSiglip("vision_tower.vision_model", sizes);
        return table;
    }

    public override void Describe(ProjectorConfig config, GgufMetadata metadata)
    {
        RequireActivation(config.Vision, "hidden_act", "gelu_pytorch_tanh");
        var (image, patch) = Sides(config);
        metadata.WriteVision(config, TowerSizes.From(config.Vision), image, patch);
        metadata.Set("clip.projector_type", Name);
        metadata.WriteEpsilon("vision", config.Vision.FindNumber(0, 1, "layer_norm_eps") ?? 1e-6);
        metadata.Set("clip.use_gelu", true);
        var side = (long)Math.Sqrt(config.Preprocessor.Size("image_seq_length", config.Model.FindInteger("mm_tokens_per_image") ?? 256));
        if (image / patch / side is var pooling and > 0 && pooling != AssumedPooling)
            metadata.Set("clip.vision.projector.scale_factor", (uint)pooling);
    }

    private static (long Image, long Patch) Sides(ProjectorConfig config) => (config.Vision.Size("image_size"), config.Vision.Size("patch_size"));
}
