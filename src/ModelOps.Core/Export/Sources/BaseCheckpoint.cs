using System.Text.Json;
using System.Text.Json.Nodes;
using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>The checkpoint that a GGUF file was made from: its small files, and its weights' headers where they are there.</summary>
internal sealed class BaseCheckpoint
{
    /// <summary>The language model's own class, where only that is exported.</summary>
    private static readonly Dictionary<string, string> TextClasses = new(StringComparer.Ordinal)
    {
        ["Gemma3ForConditionalGeneration"] = "Gemma3ForCausalLM",
        ["Gemma4ForConditionalGeneration"] = "Gemma4ForCausalLM",
        ["Mistral3ForConditionalGeneration"] = "MistralForCausalLM",
    };

    private Dictionary<string, string>? _names;

    private BaseCheckpoint(Checkpoint checkpoint, CheckpointConfig config) => (Checkpoint, Config, Model) = (checkpoint, config, ExportModel.Of(config));

    public Checkpoint Checkpoint { get; }

    /// <summary>config.json; that of the language model inside, when there are no weights for the rest.</summary>
    public CheckpointConfig Config { get; }

    public ExportModel Model { get; }

    /// <summary>What the user should know.</summary>
    public IReadOnlyList<string> Notes { get; private init; } = [];

    public static BaseCheckpoint Read(string folder)
    {
        var config = Checkpoint.ReadConfig(folder);
        if (Directory.EnumerateFiles(Path.GetDirectoryName(config.Path)!, "model*.safetensors").Any())
            return new BaseCheckpoint(Checkpoint.Open(folder), config);
        var checkpoint = Checkpoint.OpenWithoutWeights(folder);
        return ExportModel.Of(config).IsInside && config.Root.TryGetProperty("text_config", out var text)
            ? new BaseCheckpoint(checkpoint, TextOnly(config, text)) { Notes = [$"{folder} has no weights for images and sounds: the folder holds the language model only, as {TextClasses[ExportModel.Of(config).ClassName]}."] }
            : new BaseCheckpoint(checkpoint, config);
    }

    /// <summary>The name of a tensor in the checkpoint.</summary>
    public string NameOf(string source, Architecture architecture)
    {
        if (_names is null)
        {
            _names = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var tensor in Checkpoint.Weights)
                _names.TryAdd(architecture.Normalize(tensor.Name), tensor.Name);
        }
        return _names.GetValueOrDefault(source, source);
    }

    /// <summary>What the checkpoint's weights have for images and sounds.</summary>
    public IEnumerable<ExportTensor> OtherModalities(Architecture architecture, CheckpointConfig config)
        => Checkpoint.Weights.Where(tensor => architecture.Ignores(tensor.Name, config) && !CheckpointSource.IsBuffer(architecture, tensor.Name, config))
            .Select(tensor => new ExportTensor(tensor, tensor.Name, TensorKind.OtherModality) { StoredBits = CheckpointSource.BitsOf(tensor) });

    private static CheckpointConfig TextOnly(CheckpointConfig config, JsonElement text)
    {
        var own = JsonObject.Create(text.Clone())!;
        own["architectures"] = new JsonArray(TextClasses[ExportModel.Of(config).ClassName]);
        // What the library keeps outside of text_config and a language model has itself.
        foreach (var key in new[] { "tie_word_embeddings", "torch_dtype", "dtype", "bos_token_id", "eos_token_id", "pad_token_id" })
        {
            if (own[key] is null && config.Root.TryGetProperty(key, out var value))
                own[key] = JsonNode.Parse(value.GetRawText());
        }
        return new CheckpointConfig(JsonSerializer.SerializeToElement(own), config.Path);
    }
}
