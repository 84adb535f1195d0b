namespace ModelOps.Conversion;

/// <summary>
/// What turns images (and sound) into embeddings of a language model, as llama.cpp's <c>mmproj</c> file holds it: a vision tower and what
/// leads from it, sometimes an audio tower too. To add one, derive a class in a file of its own and list it in <see cref="ProjectorCatalog"/>.
/// </summary>
internal abstract class Projector
{
    /// <summary>Classes of the model library that have it (config.json's <c>architectures</c>).</summary>
    public abstract IReadOnlyList<string> ClassNames { get; }

    /// <summary>llama.cpp's name of its kind (<c>clip.projector_type</c>).</summary>
    public abstract string Name { get; }

    /// <summary>How the conversion is verified.</summary>
    public virtual ArchitectureEvidence Evidence => ArchitectureEvidence.OfficialFile;

    /// <summary>Length of the language model's embeddings, which the library assumes.</summary>
    public abstract long TextHidden { get; }

    /// <summary>What the library assumes of keys that <c>vision_config</c> leaves out, as JSON.</summary>
    public virtual string VisionDefaults => "{}";

    /// <summary>What the library assumes of keys that <c>audio_config</c> leaves out, as JSON.</summary>
    public virtual string AudioDefaults => "{}";

    /// <summary>Whether a tensor of the checkpoint is a part of it.</summary>
    public abstract bool Includes(string source);

    /// <summary>The name a tensor is looked up by; versions of the library prefix them differently.</summary>
    public virtual string Normalize(string source) => source.StartsWith("model.", StringComparison.Ordinal) ? source["model.".Length..] : source;

    /// <summary>The tensor-name map with the shapes that the configuration implies.</summary>
    public abstract TensorTable Tensors(ProjectorConfig config);

    /// <summary>Writes the <c>clip.*</c> metadata.</summary>
    public abstract void Describe(ProjectorConfig config, GgufMetadata metadata);

    /// <summary>Refuses an activation that llama.cpp computes otherwise.</summary>
    internal static void RequireActivation(CheckpointConfig tower, string key, params ReadOnlySpan<string> computable)
    {
        if (tower.FindText(key) is { } activation && !computable.Contains(activation))
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedArchitecture,
                $"{tower.Path}: the activation '{activation}' ({key}) is not what llama.cpp computes for this tower.",
                $"It computes {string.Join(" or ", computable.ToArray())}.");
        }
    }
}
