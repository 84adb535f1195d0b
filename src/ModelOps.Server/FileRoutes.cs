using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace ModelOps.Server;

/// <summary>
/// The routes of content: resolve answers small files itself and sends large ones on, to a path that stands for the CDN and takes a signature in
/// place of a token.
/// </summary>
internal sealed class FileRoutes(Catalog catalog, SignedLinks links)
{
    private static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Head];

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/{org}/{repo}/resolve/{rev}/{**path}", Methods, ResolveAsync);
        routes.MapMethods(SignedLinks.Root + "/{org}/{repo}/{sha256}", Methods, ContentAsync);
    }

    private async Task<IResult> ResolveAsync(HttpContext context, string org, string repo, string rev, string? path)
    {
        if (await catalog.FindAsync(org, repo).ConfigureAwait(false) is not { } snapshot)
            return HubError.RepositoryNotFound;
        string revision = ModelRoutes.Unslash(rev);
        if (!snapshot.Has(revision))
            return HubError.RevisionNotFound(revision);
        IHeaderDictionary headers = context.Response.Headers;
        headers["X-Repo-Commit"] = snapshot.Commit;
        string name = ModelRoutes.Unslash(path);
        if (!snapshot.Files.TryGetValue(name, out ServedFile? file))
            return HubError.EntryNotFound(name);

        headers.AcceptRanges = "bytes";
        headers["X-Linked-Size"] = file.Bytes.ToString(CultureInfo.InvariantCulture);
        headers["X-Linked-Etag"] = Quoted(file.Sha256 ?? file.GitId);
        if (file.Sha256 is null)
            return Send(file, file.GitId);
        headers.ETag = Quoted(file.Sha256);
        // Absolute, as the hub's is: clients take a relative redirect for a renamed repository and follow it with the token.
        HttpRequest request = context.Request;
        return Results.Redirect($"{request.Scheme}://{request.Host}{request.PathBase}{links.Create(snapshot.Folder.Name, file.Sha256)}", permanent: false);
    }

    private async Task<IResult> ContentAsync(HttpContext context, string org, string repo, string sha256)
    {
        IQueryCollection query = context.Request.Query;
        if (!links.IsValid($"{org}/{repo}", sha256, query["Expires"], query["Signature"]))
            return HubError.LinkRefused;
        RepositorySnapshot? snapshot = await catalog.FindAsync(org, repo).ConfigureAwait(false);
        return snapshot?.Files.Values.FirstOrDefault(candidate => candidate.Sha256 == sha256) is { } file ? Send(file, sha256) : HubError.EntryNotFound(sha256);
    }

    // Handles HEAD, Range (206, 416), If-Range and If-None-Match.
    private static IResult Send(ServedFile file, string etag) => Results.File(
        file.Content.FullName,
        System.IO.Path.GetExtension(file.Path) is ".json" or ".md" or ".txt" or ".jinja" ? "text/plain; charset=utf-8" : "application/octet-stream",
        lastModified: file.Content.LastWriteTimeUtc,
        entityTag: new EntityTagHeaderValue(Quoted(etag)),
        enableRangeProcessing: true);

    private static string Quoted(string etag) => $"\"{etag}\"";
}
