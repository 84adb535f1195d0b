using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>What a projector is described by: the parts of config.json, and how its inputs are prepared.</summary>
/// <param name="Model">All of config.json, with the language model's values first.</param>
/// <param name="Vision">Its <c>vision_config</c>.</param>
/// <param name="Audio">Its <c>audio_config</c>; null when the model does not hear.</param>
/// <param name="Preprocessor">preprocessor_config.json and processor_config.json, see <see cref="PreprocessorConfig"/>.</param>
internal sealed record ProjectorConfig(CheckpointConfig Model, CheckpointConfig Vision, CheckpointConfig? Audio, CheckpointConfig Preprocessor)
{
    /// <summary>The checkpoint itself, for its other files.</summary>
    public required Checkpoint Checkpoint { get; init; }

    /// <summary>Length of the language model's embeddings.</summary>
    public required long TextHidden { get; init; }

    /// <summary>Reads a checkpoint's.</summary>
    public static ProjectorConfig Read(Checkpoint checkpoint, Projector projector)
    {
        var model = checkpoint.Config;
        var vision = model.FindPart("vision_config")
            ?? throw new ModelOpsException(ErrorKind.CorruptFile, $"{model.Path} has no 'vision_config', which describes the vision tower.");
        return new ProjectorConfig(
            model,
            vision.WithDefaults(JsonElement.Parse(projector.VisionDefaults)),
            model.FindPart("audio_config")?.WithDefaults(JsonElement.Parse(projector.AudioDefaults)),
            PreprocessorConfig.Read(checkpoint))
        {
            Checkpoint = checkpoint,
            // InternVL's own code calls the language model's part otherwise.
            TextHidden = (model.FindPart("llm_config") ?? model).Size("hidden_size", projector.TextHidden),
        };
    }
}
