namespace ModelOps;

/// <summary>What the memory model needs to know of a projector (mmproj): the encoder that turns pictures into embeddings, in a file beside the model's.</summary>
/// <param name="Name">Name for people.</param>
/// <param name="WeightsBytes">Bytes of its weights.</param>
/// <param name="ComputeBytes">Room for computing one picture of the size it was trained for.</param>
public sealed record ProjectorShape(string Name, long WeightsBytes, long ComputeBytes)
{
    // Residual, normed input, queries, keys, values and attention's output of every patch; with the scores of all pairs of patches, which an encoder
    // without flash attention keeps as one matrix, this gives the 1132 MiB that llama.cpp's clip.cpp reports for Gemma 3's 4096 patches.
    private const int RowsAlive = 6;
    private const int MaxFigure = 1 << 20;

    /// <summary>The shape of a projector's GGUF file.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for a file that is no projector, <see cref="ErrorKind.CorruptFile"/> for one that makes no sense.</exception>
    public static ProjectorShape FromGguf(GgufFile file, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        name ??= file.Path is { } path ? Path.GetFileNameWithoutExtension(path) : "projector";
        if (file.Metadata.FindString("general.architecture") != "clip")
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{name} is no projector: its architecture is '{file.Metadata.FindString("general.architecture")}'.", "Give the file that is named mmproj-….");
        }
        return new ProjectorShape(name, file.Tensors.Sum(tensor => tensor.Bytes), VisionBytes(file.Metadata));
    }

    // Sound is encoded in windows of 30 s, 1500 frames, far below a picture's; a file for sound alone has no figures for pictures.
    private static long VisionBytes(GgufMetadata metadata)
    {
        long Figure(string key) => metadata.FindInteger($"clip.vision.{key}") is not { } value ? 0
            : value is >= 0 and <= MaxFigure ? value
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"The GGUF header's 'clip.vision.{key}' is {value}; it must lie between 0 and {MaxFigure}.");
        var patches = Figure("image_size") / Math.Max(1, Figure("patch_size"));
        try
        {
            return checked(sizeof(float) * patches * patches * (patches * patches * Figure("attention.head_count") + RowsAlive * Figure("embedding_length")));
        }
        catch (OverflowException exception)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"A picture of {patches} × {patches} patches cannot be computed.", "The file is damaged or was made up; do not use it.", exception);
        }
    }
}
