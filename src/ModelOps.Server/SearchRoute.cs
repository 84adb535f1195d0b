using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;

namespace ModelOps.Server;

/// <summary><c>GET /api/models</c>: elsewhere when the source knows where, else over what is here.</summary>
internal sealed class SearchRoute(IRepositorySource source, WeightFactsReader weights, int pageSize)
{
    public async Task<IResult> SearchAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (await source.SearchAsync(request.QueryString.Value ?? "", context.RequestAborted).ConfigureAwait(false) is not var (found, next))
            return await SearchHereAsync(context).ConfigureAwait(false);
        if (next is not null)
            context.Response.Headers.Link = $"<{UriHelper.BuildAbsolute(request.Scheme, request.Host, request.PathBase, request.Path, new QueryString(next))}>; rel=\"next\"";
        return Results.Json(found);
    }

    private async Task<IResult> SearchHereAsync(HttpContext context)
    {
        IQueryCollection query = context.Request.Query;
        string[] words = query["search"].ToString().Split([' ', '\t', '+'], StringSplitOptions.RemoveEmptyEntries);
        string? author = query.Only("author");
        string? pipeline = query.Only("pipeline_tag");
        string[] filters = [.. query["filter"].SelectMany(filter => (filter ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
        var found = new List<RepositoryFolder>();
        await foreach (RepositoryFolder folder in source.ListAsync(context.RequestAborted).ConfigureAwait(false))
        {
            if (words.All(word => folder.Name.Contains(word, StringComparison.OrdinalIgnoreCase))
                && (author is null || string.Equals(folder.Author, author, StringComparison.OrdinalIgnoreCase))
                && (pipeline is null || folder.Pipeline == pipeline)
                && filters.All(filter => folder.Tags.Contains(filter, StringComparer.OrdinalIgnoreCase)))
            {
                found.Add(folder);
            }
        }

        if (query.Only("gated") is not null)
            found.RemoveAll(folder => folder.IsGated != query.IsTrue("gated"));
        if (query.Only("num_parameters") is { } asked)
        {
            if (ParameterRange.TryParse(asked) is not { } range)
                return HubError.BadRequest($"Invalid num_parameters: {asked}");
            found.RemoveAll(folder => !range.Contains((weights.Gguf(folder) ?? weights.Safetensors(folder))?.Parameters));
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

        bool full = query.IsTrue("full") || query["expand"].Any(field => field is "sha" or "siblings" or "config" or "cardData" or "usedStorage");
        var models = new JsonArray();
        foreach (RepositoryFolder folder in page)
            models.Add(weights.AddTo(query, folder, full ? HubJson.Model(await source.SnapshotAsync(folder, context.RequestAborted).ConfigureAwait(false), blobs: false) : HubJson.Model(folder)));
        return Results.Json(models);
    }
}
