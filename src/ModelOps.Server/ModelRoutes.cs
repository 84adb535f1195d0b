using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ModelOps.Server;

/// <summary>The routes under /api: search, model info, tree, refs, paths-info, whoami.</summary>
internal sealed class ModelRoutes(IRepositorySource source, int pageSize)
{
    /// <summary>With expand=true the hub's pages are smaller.</summary>
    private const int ExpandedPageSize = 50;
    private const int MaxPathsInfo = 1000;

    private readonly WeightFactsReader _weights = new();

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/api/models", [HttpMethods.Get, HttpMethods.Head], (Delegate)new SearchRoute(source, _weights, pageSize).SearchAsync);
        routes.MapRepository("/api/models/{name}", ModelAsync);
        routes.MapRepository("/api/models/{name}/revision/{rev}", ModelAsync);
        routes.MapRepository("/api/models/{name}/tree/{rev}/{**path}", TreeAsync);
        routes.MapRepository("/api/models/{name}/paths-info/{rev}", PathsInfoAsync, HttpMethods.Post);
        routes.MapRepository("/api/models/{name}/refs", ReferencesAsync);
        routes.MapGet("/api/whoami-v2", (Delegate)WhoAmI);
    }

    private async Task<IResult> ModelAsync(HttpContext context)
    {
        RepositorySnapshot snapshot = await FindAsync(context).ConfigureAwait(false);
        IQueryCollection query = context.Request.Query;
        return Results.Json(_weights.AddTo(query, snapshot.Folder, HubJson.Model(snapshot, query.IsTrue("blobs"))));
    }

    private async Task<IResult> TreeAsync(HttpContext context)
    {
        RepositorySnapshot snapshot = await FindAsync(context).ConfigureAwait(false);
        string folder = context.Path().TrimEnd('/');
        if (!snapshot.Folders.ContainsKey(folder))
            return HubError.EntryNotFound(folder);

        bool recursive = context.Request.Query.IsTrue("recursive");
        bool expand = context.Request.Query.IsTrue("expand");
        string prefix = folder.Length == 0 ? "" : folder + "/";
        bool Within(string entry) => entry.Length > prefix.Length && entry.StartsWith(prefix, StringComparison.Ordinal) && (recursive || !entry[prefix.Length..].Contains('/'));
        string[] entries = [.. snapshot.Folders.Keys.Concat(snapshot.Files.Keys).Where(Within).Order(StringComparer.Ordinal)];
        if (Paging.Take(context, entries, expand ? Math.Min(pageSize, ExpandedPageSize) : pageSize) is not { } page)
            return HubError.BadRequest("Invalid cursor or limit");
        return Results.Json(new JsonArray([.. page.Select(entry => Entry(snapshot, entry, expand))]));
    }

    private async Task<IResult> PathsInfoAsync(HttpContext context)
    {
        RepositorySnapshot snapshot = await FindAsync(context).ConfigureAwait(false);
        PathsInfoQuery? query;
        try
        {
            query = await context.Request.ReadFromJsonAsync<PathsInfoQuery>(JsonSerializerOptions.Web, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return HubError.BadRequest("The body must be JSON: { paths: [], expand: false }");
        }
        if (query?.Paths is null || query.Paths.Count > MaxPathsInfo || query.Paths.Contains(null!))
            return HubError.BadRequest("The body must name paths, 1000 at most");
        // What does not exist is left out of the answer, as on the hub.
        return Results.Json(new JsonArray([.. query.Paths
            .Where(path => snapshot.Files.ContainsKey(path) || (path.Length > 0 && snapshot.Folders.ContainsKey(path)))
            .Select(path => Entry(snapshot, path, query.Expand))]));
    }

    private async Task<IResult> ReferencesAsync(HttpContext context) => Results.Json(await source.ReferencesAsync(context.Repository(), context.RequestAborted).ConfigureAwait(false));

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

    private Task<RepositorySnapshot> FindAsync(HttpContext context) => source.FindAsync(context.Repository(), context.Revision(), context.RequestAborted);

    private static JsonNode Entry(RepositorySnapshot snapshot, string path, bool expand) => snapshot.Files.TryGetValue(path, out ServedFile? file)
        ? HubJson.TreeFile(snapshot, file, expand)
        : HubJson.TreeFolder(snapshot, path, snapshot.Folders[path], expand);

    private sealed record PathsInfoQuery(IReadOnlyList<string>? Paths, bool Expand);
}
