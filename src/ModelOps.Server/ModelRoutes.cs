using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ModelOps.Server;

/// <summary>The routes under /api: search, model info, tree, refs, paths-info, whoami.</summary>
internal sealed class ModelRoutes(Catalog catalog, int pageSize)
{
    /// <summary>With expand=true the hub's pages are smaller.</summary>
    private const int ExpandedPageSize = 50;
    private const int MaxPathsInfo = 1000;

    private readonly WeightFactsReader _weights = new();

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/models", (Delegate)SearchAsync);
        routes.MapGet("/api/models/{org}/{repo}", (HttpContext context, string org, string repo) => ModelAsync(context, org, repo, "main"));
        routes.MapGet("/api/models/{org}/{repo}/revision/{rev}", ModelAsync);
        routes.MapGet("/api/models/{org}/{repo}/tree/{rev}/{**path}", TreeAsync);
        routes.MapPost("/api/models/{org}/{repo}/paths-info/{rev}", PathsInfoAsync);
        routes.MapGet("/api/models/{org}/{repo}/refs", RefsAsync);
        routes.MapGet("/api/whoami-v2", (Delegate)WhoAmI);
    }

    /// <summary>Undoes the one encoding that routing leaves alone, because it may matter to a router: %2F.</summary>
    public static string Unslash(string? segment) => (segment ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    private async Task<IResult> SearchAsync(HttpContext context)
    {
        IQueryCollection query = context.Request.Query;
        string[] words = query["search"].ToString().Split([' ', '\t', '+'], StringSplitOptions.RemoveEmptyEntries);
        string? author = Only(query, "author");
        string? pipeline = Only(query, "pipeline_tag");
        string[] filters = [.. query["filter"].SelectMany(filter => (filter ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
        IEnumerable<RepositoryFolder> found = catalog.List().Where(folder =>
            words.All(word => folder.Name.Contains(word, StringComparison.OrdinalIgnoreCase))
            && (author is null || string.Equals(folder.Author, author, StringComparison.OrdinalIgnoreCase))
            && (pipeline is null || folder.Pipeline == pipeline)
            && filters.All(filter => folder.Tags.Contains(filter, StringComparer.OrdinalIgnoreCase)));
        if (Only(query, "gated") is not null && IsTrue(query, "gated"))
            found = []; // nothing is gated here
        if (Only(query, "num_parameters") is { } asked)
        {
            if (ParameterRange.TryParse(asked) is not { } range)
                return HubError.BadRequest($"Invalid num_parameters: {asked}");
            found = found.Where(folder => range.Contains((_weights.Gguf(folder) ?? _weights.Safetensors(folder))?.Parameters));
        }

        // Nothing is counted here, so that the orders by count are the order of names.
        IEnumerable<RepositoryFolder>? sorted = query["sort"].ToString() switch
        {
            "" or "downloads" or "likes" or "trendingScore" or "id" => found,
            "lastModified" => found.OrderByDescending(folder => folder.LastModified),
            "createdAt" => found.OrderByDescending(folder => folder.Created),
            _ => null,
        };
        if (sorted is null)
            return HubError.BadRequest($"Invalid sort: {query["sort"]}");
        if (Paging.Take(context, [.. sorted], pageSize) is not { } page)
            return HubError.BadRequest("Invalid cursor or limit");

        bool full = IsTrue(query, "full") || query["expand"].Any(field => field is "sha" or "siblings" or "config" or "cardData" or "usedStorage");
        var models = new JsonArray();
        foreach (RepositoryFolder folder in page)
            models.Add(WithWeights(query, folder, full ? HubJson.Model(await catalog.SnapshotAsync(folder).ConfigureAwait(false), blobs: false) : HubJson.Model(folder)));
        return Results.Json(models);
    }

    private async Task<IResult> ModelAsync(HttpContext context, string org, string repo, string rev) =>
        await FindAsync(org, repo, rev).ConfigureAwait(false) is var (snapshot, error) && snapshot is not null
            ? Results.Json(WithWeights(context.Request.Query, snapshot.Folder, HubJson.Model(snapshot, IsTrue(context.Request.Query, "blobs"))))
            : error!;

    private async Task<IResult> TreeAsync(HttpContext context, string org, string repo, string rev, string? path)
    {
        (RepositorySnapshot? snapshot, HubError? error) = await FindAsync(org, repo, rev).ConfigureAwait(false);
        if (snapshot is null)
            return error!;
        string folder = Unslash(path).TrimEnd('/');
        if (!snapshot.Folders.ContainsKey(folder))
            return HubError.EntryNotFound(folder);

        bool recursive = IsTrue(context.Request.Query, "recursive");
        bool expand = IsTrue(context.Request.Query, "expand");
        string prefix = folder.Length == 0 ? "" : folder + "/";
        bool Within(string entry) => entry.Length > prefix.Length && entry.StartsWith(prefix, StringComparison.Ordinal) && (recursive || !entry[prefix.Length..].Contains('/'));
        string[] entries = [.. snapshot.Folders.Keys.Concat(snapshot.Files.Keys).Where(Within).Order(StringComparer.Ordinal)];
        if (Paging.Take(context, entries, expand ? Math.Min(pageSize, ExpandedPageSize) : pageSize) is not { } page)
            return HubError.BadRequest("Invalid cursor or limit");
        return Results.Json(new JsonArray([.. page.Select(entry => Entry(snapshot, entry, expand))]));
    }

    private async Task<IResult> PathsInfoAsync(HttpContext context, string org, string repo, string rev)
    {
        (RepositorySnapshot? snapshot, HubError? error) = await FindAsync(org, repo, rev).ConfigureAwait(false);
        if (snapshot is null)
            return error!;
        PathsInfoQuery? query;
        try
        {
            query = await context.Request.ReadFromJsonAsync<PathsInfoQuery>(JsonSerializerOptions.Web, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return HubError.BadRequest("The body must be JSON: { paths: [], expand: false }");
        }
        if (query?.Paths is null || query.Paths.Count > MaxPathsInfo)
            return HubError.BadRequest("The body must name paths, 1000 at most");
        // What does not exist is left out of the answer, as on the hub.
        return Results.Json(new JsonArray([.. query.Paths
            .Where(path => snapshot.Files.ContainsKey(path) || (path.Length > 0 && snapshot.Folders.ContainsKey(path)))
            .Select(path => Entry(snapshot, path, query.Expand))]));
    }

    private async Task<IResult> RefsAsync(HttpContext context, string org, string repo) =>
        await FindAsync(org, repo, "main").ConfigureAwait(false) is var (snapshot, error) && snapshot is not null
            ? Results.Json(new JsonObject
            {
                ["branches"] = new JsonArray(new JsonObject { ["name"] = "main", ["ref"] = "refs/heads/main", ["targetCommit"] = snapshot.Commit }),
                ["converts"] = new JsonArray(),
                ["tags"] = new JsonArray(),
            })
            : error!;

    private static IResult WhoAmI(HttpContext context) => context.Request.Headers.Authorization.Count == 0
        ? HubError.MissingToken
        : Results.Json(new JsonObject
        {
            ["type"] = "user",
            ["id"] = "000000000000000000000000",
            ["name"] = "anonymous",
            ["fullname"] = "Anonymous",
            ["orgs"] = new JsonArray(),
            ["auth"] = new JsonObject { ["type"] = "access_token", ["accessToken"] = new JsonObject { ["displayName"] = "token", ["role"] = "read" } },
        });

    private async Task<(RepositorySnapshot? Snapshot, HubError? Error)> FindAsync(string org, string repo, string rev)
    {
        if (await catalog.FindAsync(org, repo).ConfigureAwait(false) is not { } snapshot)
            return (null, HubError.RepositoryNotFound);
        string revision = Unslash(rev);
        return snapshot.Has(revision) ? (snapshot, null) : (null, HubError.RevisionNotFound(revision));
    }

    /// <summary>Adds what the headers say, for those who ask: it costs the reading of every header once.</summary>
    private JsonObject WithWeights(IQueryCollection query, RepositoryFolder folder, JsonObject model)
    {
        if (query["expand"].Contains("gguf") && _weights.Gguf(folder) is { } gguf)
            model["gguf"] = new JsonObject { ["total"] = gguf.Parameters, ["architecture"] = gguf.Architecture, ["context_length"] = gguf.ContextLength };
        if (query["expand"].Contains("safetensors") && _weights.Safetensors(folder) is { } safetensors)
            model["safetensors"] = new JsonObject { ["total"] = safetensors.Parameters };
        return model;
    }

    private static JsonNode Entry(RepositorySnapshot snapshot, string path, bool expand) => snapshot.Files.TryGetValue(path, out ServedFile? file)
        ? HubJson.TreeFile(snapshot, file, expand)
        : HubJson.TreeFolder(snapshot, path, snapshot.Folders[path], expand);

    private static bool IsTrue(IQueryCollection query, string key) => query[key].ToString() is "true" or "True" or "1";

    private static string? Only(IQueryCollection query, string key) => query[key].ToString() is { Length: > 0 } value ? value : null;

    private sealed record PathsInfoQuery(IReadOnlyList<string>? Paths, bool Expand);
}
