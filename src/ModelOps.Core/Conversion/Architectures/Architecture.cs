using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// One architecture: its classes in the model library, its tensor-name map, its metadata and its tokenizer's peculiarities. To add one,
/// derive a class in a file of its own and list it in <see cref="ArchitectureCatalog"/>.
/// </summary>
internal abstract class Architecture
{
    /// <summary>More layers than any model has; guards the tables against a config.json that says a billion.</summary>
    private const int MaximumLayers = 4096;

    /// <summary>Classes of the model library that are converted so (config.json's <c>architectures</c>).</summary>
    public abstract IReadOnlyList<string> ClassNames { get; }

    /// <summary>GGUF architecture.</summary>
    public abstract string Name { get; }

    /// <summary>How the conversion is verified.</summary>
    public virtual ArchitectureEvidence Evidence => ArchitectureEvidence.OfficialFile;

    /// <summary>
    /// What the library's configuration class assumes of keys that config.json leaves out, as JSON. Never a default that is computed from
    /// other keys.
    /// </summary>
    public virtual string Defaults => "{}";

    /// <summary>The activation that the engine computes; null where the architecture itself looks at what the checkpoint has.</summary>
    public virtual Activation? Activation => Activation.Silu;

    /// <summary>What is peculiar to the tokenizer.</summary>
    public virtual TokenizerTraits Tokenizer => TokenizerTraits.None;

    /// <summary>The architecture of a checkpoint whose class does not tell all; this one, as a rule.</summary>
    public virtual Architecture Refine(Checkpoint checkpoint) => this;

    /// <summary>The configuration with <see cref="Defaults"/>.</summary>
    public CheckpointConfig Complete(CheckpointConfig config) => config.WithDefaults(JsonElement.Parse(Defaults));

    /// <summary>The tensor-name map with the shapes that the configuration implies.</summary>
    public abstract TensorTable Tensors(CheckpointConfig config);

    /// <summary>Tensors that are computed from the configuration, or come from other files than the weights; they are first in the file.</summary>
    public virtual IEnumerable<(string Name, TensorSource Tensor)> ComputedTensors(CheckpointConfig config) => [];

    /// <summary>Writes the architecture's metadata.</summary>
    public virtual void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata) => CommonMetadata.Write(this, config, recipe, metadata);

    /// <summary>Writes the tokenizer's metadata.</summary>
    public virtual void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata) => Vocabulary.Read(files, config, Tokenizer).Write(files, config, Tokenizer, metadata);

    /// <summary>
    /// The name a tensor is looked up by: multimodal checkpoints prefix the language model's names, and those without a head (embedding
    /// models) lack the prefix that a head makes necessary.
    /// </summary>
    public virtual string Normalize(string source)
    {
        var name = source.Replace("language_model.", "", StringComparison.Ordinal);
        return name.StartsWith("layers.", StringComparison.Ordinal) || name.StartsWith("embed_tokens.", StringComparison.Ordinal) || name.StartsWith("norm.", StringComparison.Ordinal)
            ? "model." + name
            : name;
    }

    /// <summary>Tensors that are dropped: buffers a loader computes itself, and the towers of other modalities.</summary>
    public virtual bool Ignores(string source)
        => source.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
            || source.EndsWith(".attention.masked_bias", StringComparison.Ordinal)
            || source.EndsWith(".attention.bias", StringComparison.Ordinal);

    /// <summary>The same where it takes the configuration to know.</summary>
    public virtual bool Ignores(string source, CheckpointConfig config) => Ignores(source);

    /// <summary>config.json's name for the number of layers.</summary>
    protected virtual string LayersKey => "num_hidden_layers";

    /// <summary>Number of layers.</summary>
    public virtual long Layers(CheckpointConfig config) => Layers(config, LayersKey);

    /// <summary>Number of layers of a part of the model, by config.json's name for it.</summary>
    protected static long Layers(CheckpointConfig config, string key)
    {
        var layers = config.Size(key);
        return layers <= MaximumLayers
            ? layers
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says {key} = {layers}, which cannot be.");
    }

    /// <summary>A key of this architecture.</summary>
    public string Key(string name) => $"{Name}.{name}";
}
