using System.Text.Json;
using System.Text.RegularExpressions;

namespace ModelOps.Conversion;

/// <summary>
/// The <c>general.*</c> keys: what the model is called, who made it, from what. From the README's front matter, then config.json's
/// <c>_name_or_path</c>, then the folder's name (gguf-py's Metadata).
/// </summary>
internal static partial class GeneralMetadata
{
    private const string Hub = "https://huggingface.co/";

    private static readonly string[] OriginKeys = ["name", "author", "version", "organization", "description", "url", "doi", "uuid", "repo_url"];

    /// <summary>Writes everything up to the architecture's own keys.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="modelName">Name to use instead of the checkpoint's; null for that.</param>
    /// <param name="tensors">The output's tensors, whose weights are counted.</param>
    /// <param name="metadata">Where to write.</param>
    /// <param name="type">What the file is: a model, or what belongs to one.</param>
    public static void Write(Checkpoint checkpoint, string? modelName, IReadOnlyCollection<NamedSource> tensors, GgufMetadata metadata, string type = "model")
    {
        metadata.Set("general.type", type);
        Write(checkpoint, modelName, tensors.Sum(tensor => tensor.Tensor.Weights), SizeLabel.Format(tensors), metadata);
    }

    /// <summary>The same for what is not a model.</summary>
    /// <param name="checkpoint">The folder.</param>
    /// <param name="modelName">Name to use instead of the folder's; null for that.</param>
    /// <param name="weights">Number of weights; negative for an adapter, of the weights that it changes.</param>
    /// <param name="sizeLabel">The size in short where no name says it; null for none.</param>
    /// <param name="metadata">Where to write.</param>
    public static void Write(Checkpoint checkpoint, string? modelName, long weights, string? sizeLabel, GgufMetadata metadata)
    {
        WriteSampling(checkpoint, metadata);

        var card = ModelCard.Read(checkpoint.Find("README.md"));
        var ids = Ids(checkpoint).Select(id => ModelId.Parse(id, weights)).ToList();
        Set("general.name", modelName ?? card.FindText("name", "model_name") ?? First(id => id.Name is { } name ? ModelId.ToTitle(name) : null) ?? Path.GetFileName(checkpoint.Folder));
        Set("general.author", card.FindText("author", "model_author", "model_creator"));
        Set("general.version", card.FindText("version", "model_version") ?? First(id => id.Version));
        Set("general.organization", card.FindText("organization", "model_organization") ?? First(id => id.Organization is { } organization ? ModelId.ToTitle(organization) : null));
        Set("general.finetune", card.FindText("finetune", "model_finetune") ?? First(id => id.FineTune));
        Set("general.basename", card.FindText("basename", "model_basename", "model_type") ?? First(id => id.BaseName));
        Set("general.description", card.FindText("description", "model_description"));
        Set("general.size_label", card.FindText("size_label", "model_size_label") ?? First(id => id.SizeLabel) ?? sizeLabel);
        Set("general.license", card.FindList("license") is { } license ? string.Join(',', license) : null);
        Set("general.license.name", card.FindText("license_name"));
        Set("general.license.link", card.FindText("license_link"));
        Set("general.source.url", card.FindText("url", "model_url"));
        Set("general.source.doi", card.FindText("doi", "model_doi"));
        Set("general.source.uuid", card.FindText("uuid", "model_uuid"));
        Set("general.source.repo_url", card.FindText("repo_url", "model_repo_url") ?? (CachedRepository(checkpoint.Folder) is { } repository ? Hub + repository : null));
        WriteOrigins("base_model", card.FindItems("base_model", "base_models", "base_model_sources"), weights, metadata);
        WriteOrigins("dataset", card.FindItems("datasets", "dataset", "dataset_sources"), weights, metadata);
        WriteList("general.tags", card.FindList("tags"), card.FindList("pipeline_tag"), metadata);
        WriteList("general.languages", card.FindList("languages"), card.FindList("language"), metadata);

        string? First(Func<ModelId, string?> select) => ids.Select(select).FirstOrDefault(value => value is not null);

        void Set(string key, string? value) => SetText(metadata, key, value);
    }

    /// <summary>The checkpoint's names with what they may tell, best first.</summary>
    public static IEnumerable<string> Ids(Checkpoint checkpoint)
    {
        // With more than one slash it is a path of the maker's machine.
        if (checkpoint.Config.Root.TryGetProperty("_name_or_path", out var name) && name.ValueKind == JsonValueKind.String
            && name.GetString() is { } text && text.Count(letter => letter == '/') <= 1)
        {
            yield return text;
        }
        yield return CachedRepository(checkpoint.Folder) ?? Path.GetFileName(checkpoint.Folder);
    }

    /// <summary>
    /// The repository of a folder in a hub cache, <c>models--org--name/snapshots/commit</c>: the folder's own name would be the commit.
    /// </summary>
    private static string? CachedRepository(string folder)
    {
        var snapshots = Path.GetDirectoryName(folder);
        var repository = Path.GetFileName(Path.GetDirectoryName(snapshots));
        return Path.GetFileName(snapshots) == "snapshots" && repository is not null && repository.StartsWith("models--", StringComparison.Ordinal)
            ? repository["models--".Length..].Replace("--", "/", StringComparison.Ordinal)
            : null;
    }

    private static void WriteSampling(Checkpoint checkpoint, GgufMetadata metadata)
    {
        if (checkpoint.FindJson("generation_config.json") is not { } settings)
            return;
        if (settings.TryGetProperty("sequence", out var sequence) && sequence.ValueKind == JsonValueKind.String)
            SetText(metadata, "general.sampling.sequence", sequence.GetString());
        Integer("top_k", "top_k");
        Number("top_p", "top_p");
        Number("min_p", "min_p");
        Number("xtc_probability", "xtc_probability");
        Number("xtc_threshold", "xtc_threshold");
        Number("temp", "temperature");
        Integer("penalty_last_n", "penalty_last_n");
        Number("penalty_repeat", "penalty_repeat");
        Integer("mirostat", "mirostat");
        Number("mirostat_tau", "mirostat_tau");
        Number("mirostat_eta", "mirostat_eta");

        void Number(string key, string name)
        {
            if (settings.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number)
                metadata.Set($"general.sampling.{key}", (float)value.GetDouble());
        }

        void Integer(string key, string name)
        {
            if (settings.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number))
                metadata.Set($"general.sampling.{key}", number);
        }
    }

    /// <summary>What a model was made from: repositories by name or address, or maps of what is known of them.</summary>
    private static void WriteOrigins(string kind, IReadOnlyList<CardNode?>? origins, long weights, GgufMetadata metadata)
    {
        if (origins is null)
            return;
        metadata.Set($"general.{kind}.count", (uint)origins.Count);
        for (var i = 0; i < origins.Count; i++)
        {
            var prefix = $"general.{kind}.{i}";
            if (origins[i] is CardText text)
                WriteOrigin(prefix, text.Value, weights, metadata);
            else if (origins[i] is CardMap map)
                foreach (var key in OriginKeys)
                    SetText(metadata, $"{prefix}.{key}", map.FindText(key));
        }
    }

    private static void WriteOrigin(string prefix, string origin, long weights, GgufMetadata metadata)
    {
        var isAddress = origin.StartsWith("http://", StringComparison.Ordinal) || origin.StartsWith("https://", StringComparison.Ordinal) || origin.StartsWith("ssh://", StringComparison.Ordinal);
        var path = !isAddress ? origin : RepositoryAddress().Match(origin) is { Success: true } match ? match.Groups[1].Value : null;
        var id = path is null ? null : ModelId.Parse(path, weights);
        SetText(metadata, $"{prefix}.name", id?.Name is { } name ? ModelId.ToTitle(name) : null);
        SetText(metadata, $"{prefix}.version", id?.Version);
        SetText(metadata, $"{prefix}.organization", id?.Organization is { } organization ? ModelId.ToTitle(organization) : null);
        SetText(metadata, $"{prefix}.repo_url", isAddress ? origin : id is { Organization: not null, Name: not null } ? $"{Hub}{id.Organization}/{id.Name}" : null);
    }

    /// <summary>An empty text says nothing, and is not written.</summary>
    private static void SetText(GgufMetadata metadata, string key, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            metadata.Set(key, value);
    }

    private static void WriteList(string key, IReadOnlyList<string>? first, IReadOnlyList<string>? second, GgufMetadata metadata)
    {
        string[] values = [.. first ?? [], .. second ?? []];
        if (values.Length > 0)
            metadata.Set(key, values);
    }

    [GeneratedRegex(@"\Ahttps?://huggingface\.co/([^/]+/[^/]+)\z")]
    private static partial Regex RepositoryAddress();
}
