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

    public string Name => Id ?? ModelId ?? throw new JsonException("a repository without an id");

    public ModelSummary Summary() => new(
        Name,
        Downloads ?? 0,
        Likes ?? 0,
        LastModified,
        PipelineTag,
        Tags?.FirstOrDefault(tag => tag.StartsWith(LicensePrefix, StringComparison.Ordinal))?[LicensePrefix.Length..],
        Gated is { ValueKind: JsonValueKind.String or JsonValueKind.True },
        Tags ?? []);

    private const string LicensePrefix = "license:";
}

/// <summary>An entry of a tree.</summary>
internal sealed record TreeAnswer(string? Type, string? Path, long Size, string? Oid, LfsAnswer? Lfs);

/// <summary>What a tree says of a large file.</summary>
internal sealed record LfsAnswer(string? Oid, long Size);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(List<ModelAnswer>))]
[JsonSerializable(typeof(ModelAnswer))]
[JsonSerializable(typeof(List<TreeAnswer>))]
internal sealed partial class HubJson : JsonSerializerContext;
