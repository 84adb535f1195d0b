namespace ModelOps.Conversion;

/// <summary>The <c>clip.*</c> keys that every projector has, in the order of llama.cpp's converter (MmprojModel.set_gguf_parameters).</summary>
internal static class ProjectorMetadata
{
    /// <summary>Describes a vision tower.</summary>
    /// <param name="metadata">Where to write.</param>
    /// <param name="config">The projector's configuration.</param>
    /// <param name="sizes">The tower's sizes.</param>
    /// <param name="imageSize">Pixels of an image's side.</param>
    /// <param name="patchSize">Pixels of a patch's side.</param>
    public static void WriteVision(this GgufMetadata metadata, ProjectorConfig config, TowerSizes sizes, long imageSize, long patchSize)
    {
        metadata.Set("clip.has_vision_encoder", true);
        metadata.Set("clip.vision.projection_dim", (uint)config.TextHidden);
        metadata.Set("clip.vision.image_size", (uint)imageSize);
        metadata.Set("clip.vision.patch_size", (uint)patchSize);
        WriteSizes(metadata, "vision", sizes);
        metadata.Set("clip.vision.image_mean", config.Preprocessor.Channels("image_mean"));
        metadata.Set("clip.vision.image_std", config.Preprocessor.Channels("image_std"));
    }

    /// <summary>Describes an audio tower.</summary>
    public static void WriteAudio(this GgufMetadata metadata, ProjectorConfig config, TowerSizes sizes)
    {
        metadata.Set("clip.has_audio_encoder", true);
        metadata.Set("clip.audio.projection_dim", (uint)config.TextHidden);
        WriteSizes(metadata, "audio", sizes);
    }

    /// <summary>Writes the epsilon of a tower's norms.</summary>
    public static void WriteEpsilon(this GgufMetadata metadata, string tower, double epsilon)
        => metadata.Set($"clip.{tower}.attention.layer_norm_epsilon", (float)epsilon);

    /// <summary>Writes how many patches one embedding's side merges, unless it is two, which llama.cpp assumes of Qwen 2 and 2.5.</summary>
    public static void WriteMerge(this GgufMetadata metadata, CheckpointConfig vision)
    {
        // llama.cpp's converter never writes this, so other numbers than two come out wrong there.
        if (vision.Size("spatial_merge_size") is var merge and not 2)
            metadata.Set("clip.vision.spatial_merge_size", (uint)merge);
    }

    private static void WriteSizes(GgufMetadata metadata, string tower, TowerSizes sizes)
    {
        metadata.Set($"clip.{tower}.embedding_length", (uint)sizes.Hidden);
        metadata.Set($"clip.{tower}.feed_forward_length", (uint)sizes.FeedForward);
        metadata.Set($"clip.{tower}.block_count", (uint)sizes.Layers);
        metadata.Set($"clip.{tower}.attention.head_count", (uint)sizes.Heads);
    }
}
