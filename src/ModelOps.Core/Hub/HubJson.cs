using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps.Hub;

/// <summary>A repository as search and model info say it.</summary>
internal sealed record ModelAnswer
{
    public string? Id { get; init; }
    public string? ModelId { get; init; }
    public string? Sha { get; init; }
    public long? Downloads { get; init; }
    public long? Likes { get; init; }
    public DateTimeOffset? LastModified { get; init; }
    [JsonPropertyName("pipeline_tag")]
    public string? PipelineTag { get; init; }
    /// <summary>false, "auto" or "manual".</summary>
    public JsonElement? Gated { get; init; }
    public IReadOnlyList<string>? Tags { get; init; }
    [JsonPropertyName("library_name")]
    public string? LibraryName { get; init; }
    // Ornaments of a result: whatever is wrong with one of them must not lose the search, so that they are read loosely.
    public JsonElement? Gguf { get; init; }
    public JsonElement? Safetensors { get; init; }
    public JsonElement? Config { get; init; }

    public string Name => Id ?? ModelId ?? throw new JsonException("a repository without an id");

    public ModelSummary Summary() => new(
        Name,
        Downloads ?? 0,
        Likes ?? 0,
        LastModified,
        PipelineTag,
        Tags?.FirstOrDefault(tag => tag.StartsWith(LicensePrefix, StringComparison.Ordinal))?[LicensePrefix.Length..],
        Gated is { ValueKind: JsonValueKind.String or JsonValueKind.True },
        Tags ?? [])
    {
        GatedApproval = Gated is { ValueKind: JsonValueKind.String } approval ? approval.GetString() : null,
        Parameters = Number(Gguf, "total") ?? Number(Safetensors, "total"),
        Architecture = Text(Gguf, "architecture") ?? Text(Config, "model_type"),
        ContextLength = Number(Gguf, "context_length"),
        Library = LibraryName,
        BaseModels = [.. BaseModels()],
    };

    private const string LicensePrefix = "license:";
    private const string BaseModelPrefix = "base_model:";

    // base_model:org/repo, and once more with how it was made from it: base_model:quantized:org/repo.
    private IEnumerable<string> BaseModels() => (Tags ?? [])
        .Where(tag => tag.StartsWith(BaseModelPrefix, StringComparison.Ordinal))
        .Select(tag => tag[(tag.LastIndexOf(':') + 1)..])
        .Distinct(StringComparer.Ordinal);

    private static JsonElement? Member(JsonElement? element, string name) =>
        element is { ValueKind: JsonValueKind.Object } value && value.TryGetProperty(name, out JsonElement member) ? member : null;

    private static long? Number(JsonElement? element, string name) =>
        Member(element, name) is { ValueKind: JsonValueKind.Number } member && member.TryGetInt64(out long number) && number > 0 ? number : null;

    private static string? Text(JsonElement? element, string name) => Member(element, name) is { ValueKind: JsonValueKind.String } member ? member.GetString() : null;
}

/// <summary>The references of a repository.</summary>
internal sealed record ReferencesAnswer(IReadOnlyList<ReferenceAnswer>? Branches, IReadOnlyList<ReferenceAnswer>? Tags, IReadOnlyList<ReferenceAnswer>? Converts);

/// <summary>One of them.</summary>
internal sealed record ReferenceAnswer(string? Name, string? TargetCommit);

/// <summary>An entry of a tree.</summary>
internal sealed record TreeAnswer(string? Type, string? Path, long Size, string? Oid, LfsAnswer? Lfs);

/// <summary>What a tree says of a large file.</summary>
internal sealed record LfsAnswer(string? Oid, long Size);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(List<ModelAnswer>))]
[JsonSerializable(typeof(ModelAnswer))]
[JsonSerializable(typeof(List<TreeAnswer>))]
[JsonSerializable(typeof(ReferencesAnswer))]
internal sealed partial class HubJson : JsonSerializerContext;
