using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ModelOps.Hub;

namespace ModelOps;

/// <summary>
/// Answers as the hub gives them, for who passes them on: a mirror. Asked once: who waits behind the mirror tries again by himself, and is told the
/// hub's own reasons. The members throw <see cref="HubFailure"/>.
/// </summary>
public sealed partial class HubClient
{
    /// <summary>Model info of a repository at a revision, with all that the hub says unasked; it has an id and a commit (<c>sha</c>).</summary>
    internal async Task<JsonElement> GetModelDocumentAsync(string repository, string revision, CancellationToken cancellationToken)
    {
        RepositoryName.Ensure(repository);
        var request = new HubRequest(Address($"/api/models/{repository}/revision/{Uri.EscapeDataString(revision)}"), repository, revision);
        JsonObject model = await GetDocumentAsync(request, cancellationToken).ConfigureAwait(false) as JsonObject ?? throw NotAHub("model info that is no object");
        if (Text(model, "id") is not { } name || !RepositoryName.IsValid(name))
            throw NotAHub("a repository without a proper id");
        return Text(model, "sha") is { } commit && Commit().IsMatch(commit)
            ? JsonSerializer.SerializeToElement(model, DocumentJson.Default.JsonObject)
            : throw NotAHub("a repository without a commit");
    }

    /// <summary>Branches, tags and the like of a repository.</summary>
    internal async Task<JsonObject> GetReferencesDocumentAsync(string repository, CancellationToken cancellationToken)
    {
        RepositoryName.Ensure(repository);
        var request = new HubRequest(Address($"/api/models/{repository}/refs"), repository);
        return await GetDocumentAsync(request, cancellationToken).ConfigureAwait(false) as JsonObject ?? throw NotAHub("references that are no object");
    }

    /// <summary>A page of a search, and the query of the next one.</summary>
    /// <param name="query">As it stands in an address, with the question mark.</param>
    /// <param name="cancellationToken">Stops it.</param>
    internal async Task<(JsonArray Models, string? Next)> GetSearchPageAsync(string query, CancellationToken cancellationToken)
    {
        var request = new HubRequest(Address("/api/models" + query));
        Uri? next = null;
        JsonNode page = await GetDocumentAsync(request, cancellationToken, response => next = LinkHeader.Next(response, request.Address)).ConfigureAwait(false);
        return (page as JsonArray ?? throw NotAHub("a search that finds no list"), next?.Query);
    }

    private Task<JsonNode> GetDocumentAsync(HubRequest request, CancellationToken cancellationToken, Action<HttpResponseMessage>? response = null) =>
        _transport.GetJsonAsync(request, DocumentJson.Default.JsonNode, response, cancellationToken);

    private static string? Text(JsonObject document, string name) => document[name] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}

[JsonSerializable(typeof(JsonNode))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class DocumentJson : JsonSerializerContext;
