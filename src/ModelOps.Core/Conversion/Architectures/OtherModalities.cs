namespace ModelOps.Conversion;

/// <summary>Tensors of a multimodal checkpoint that are not of its language model.</summary>
internal static class OtherModalities
{
    private static readonly string[] Parts = ["vision_", "vision.", "audio_", "audio.", "projector.", "patch_embed", "visual."];

    /// <summary>Whether a tensor is of a tower for images or sounds, or leads from it.</summary>
    public static bool Include(string source) => Parts.Any(part => source.Contains(part, StringComparison.Ordinal));
}
