namespace ModelOps.Conversion;

/// <summary>The projector of Gemma 4's 12B model, which has no towers: pixels and samples of sound are projected as they are.</summary>
internal sealed class Gemma4UnifiedProjector : Projector
{
    /// <summary>Patches that one soft token's side spans, which llama.cpp assumes unless told.</summary>
    private const long AssumedPooling = 3;

    /// <summary>What llama.cpp's converter writes where images may have any size.</summary>
    private const long AssumedImage = 224;

    /// <summary>What it writes for the bands of an audio tower; the engine cuts the sound into frames of its own.</summary>
    private const long AssumedBands = 128;

    /// <summary>Samples of a frame of sound, which the engine has built in.</summary>
    private const long Samples = 640;

    public override IReadOnlyList<string> ClassNames => ["Gemma4UnifiedForConditionalGeneration"];

    public override string Name => "gemma4uv";

    public override long TextHidden => 2304;

    public override string VisionDefaults => """{ "patch_size": 16, "pooling_kernel_size": 3, "mm_embed_dim": 3840, "mm_posemb_size": 1120 }""";

    public override string AudioDefaults => """{ "audio_embed_dim": 640 }""";

    public override bool Includes(string source)
        => Normalize(source) is var name && (name.StartsWith("vision_embedder.", StringComparison.Ordinal)
            || name.StartsWith("embed_vision.", StringComparison.Ordinal) || name.StartsWith("embed_audio.", StringComparison.Ordinal));

    public override TensorTable Tensors(ProjectorConfig config)
    {
        var vision = config.Vision;
        var (hidden, positions) = (vision.Size("mm_embed_dim"), vision.Size("mm_posemb_size"));
        var side = vision.Size("patch_size") * vision.Size("pooling_kernel_size");
        var pixels = 3 * side * side;
        var channels = RowOrders.ChannelsFirst(side);
        var table = new TensorTable(0)
        {
            { "vision_embedder.patch_ln1.weight", "v.patch_norm.1.weight", [pixels], channels },
            { "vision_embedder.patch_ln1.bias", "v.patch_norm.1.bias", [pixels], channels },
            { "vision_embedder.patch_dense.bias", "v.patch_embd.bias", [hidden] },
            { "embed_vision.embedding_projection.weight", "mm.input_projection.weight", [config.TextHidden, hidden] },
        };
        table.Add(new TensorRule("vision_embedder.patch_dense.weight", "v.patch_embd.weight", [hidden, pixels]) { Order = channels, IsElementwise = true });
        table.AddLinear("vision_embedder.patch_ln2", "v.patch_norm.2", hidden);
        // A table for columns, then one for rows, which the checkpoint has side by side.
        table.Add(new TensorRule("vision_embedder.pos_embedding", "v.position_embd.weight", [positions, 2, hidden])
        {
            Order = row => (row % positions * 2) + (row / positions),
            View = [2, positions, hidden],
            Type = GgmlType.F32,
        });
        table.AddLinear("vision_embedder.pos_norm", "v.patch_norm.3", hidden);
        if (config.Audio is { } audio)
            table.Add("embed_audio.embedding_projection.weight", "mm.a.input_projection.weight", [config.TextHidden, audio.Size("audio_embed_dim")]);
        return table;
    }

    public override void Describe(ProjectorConfig config, GgufMetadata metadata)
    {
        var vision = config.Vision;
        metadata.WriteVision(config, WithoutTower(vision.Size("mm_embed_dim")), AssumedImage, vision.Size("patch_size"));
        if (config.Audio is { } audio)
        {
            if (audio.Size("audio_embed_dim") is var samples and not Samples)
                throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{audio.Path}: llama.cpp hears frames of {Samples} samples, the checkpoint of {samples} (audio_embed_dim).");
            metadata.WriteAudio(config, WithoutTower(Samples));
        }
        metadata.Set("clip.vision.projector_type", Name);
        metadata.WriteEpsilon("vision", vision.FindNumber(0, 1, "layer_norm_eps") ?? 1e-6);
        // llama.cpp's converter never writes this, so other numbers than three come out wrong there.
        if (vision.Size("pooling_kernel_size") is var pooling and not AssumedPooling)
            metadata.Set("clip.vision.projector.scale_factor", (uint)pooling);
        if (config.Audio is null)
            return;
        metadata.Set("clip.audio.projector_type", "gemma4ua");
        metadata.Set("clip.audio.num_mel_bins", (uint)config.Audio.Size("input_feat_size", AssumedBands));
        metadata.WriteEpsilon("audio", config.Audio.FindNumber(0, 1, "layer_norm_eps") ?? 1e-6);
    }

    private static TowerSizes WithoutTower(long hidden) => new(hidden, 0, 0, 0);
}
