using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using ModelOps.Hub;

namespace ModelOps.Server;

/// <summary>
/// The routes of content: resolve answers small files itself and sends large ones on, to a path that stands for the CDN and takes a signature in
/// place of a token; raw has what git has, of a large file its pointer. Nothing says Xet: clients that know it would go past this server.
/// </summary>
internal sealed class FileRoutes(IRepositorySource source, SignedLinks links)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapRepository("/{name}/resolve/{rev}/{**path}", ResolveAsync);
        routes.MapRepository("/{name}/raw/{rev}/{**path}", RawAsync);
        routes.MapRepository(SignedLinks.Root + "/{rev}/{sha256}/{name}", ContentAsync);
    }

    private async Task<IResult> ResolveAsync(HttpContext context)
    {
        RepositorySnapshot snapshot = await source.FindAsync(context.Repository(), context.Revision(), context.RequestAborted).ConfigureAwait(false);
        IHeaderDictionary headers = context.Response.Headers;
        headers["X-Repo-Commit"] = snapshot.Commit;
        string name = context.Path();
        if (!snapshot.Files.TryGetValue(name, out ServedFile? file))
            return HubError.EntryNotFound(name);

        headers.AcceptRanges = "bytes";
        headers["X-Linked-Size"] = file.Bytes.ToString(CultureInfo.InvariantCulture);
        headers["X-Linked-Etag"] = Quoted(file.ETag);
        if (file.Sha256 is null)
            return await SendAsync(context, snapshot, file).ConfigureAwait(false);
        headers.ETag = Quoted(file.Sha256);
        if (context.Request.GetTypedHeaders().IfNoneMatch.Any(tag => tag.Tag == Quoted(file.Sha256)))
            return Results.StatusCode(StatusCodes.Status304NotModified);
        // Absolute, as the hub's is: clients take a relative redirect for a renamed repository and follow it with the token.
        HttpRequest request = context.Request;
        return Results.Redirect($"{request.Scheme}://{request.Host}{request.PathBase}{links.Create(snapshot.Folder.Name, snapshot.Commit, file.Sha256)}", permanent: false);
    }

    private async Task<IResult> RawAsync(HttpContext context)
    {
        RepositorySnapshot snapshot = await source.FindAsync(context.Repository(), context.Revision(), context.RequestAborted).ConfigureAwait(false);
        context.Response.Headers["X-Repo-Commit"] = snapshot.Commit;
        string name = context.Path();
        if (!snapshot.Files.TryGetValue(name, out ServedFile? file))
            return HubError.EntryNotFound(name);
        return file.Sha256 is null
            ? await SendAsync(context, snapshot, file).ConfigureAwait(false)
            : Results.Bytes(GitObjects.LfsPointer(file.Sha256, file.Bytes), "text/plain; charset=utf-8", entityTag: new EntityTagHeaderValue(Quoted(file.GitId)));
    }

    private async Task<IResult> ContentAsync(HttpContext context)
    {
        string sha256 = (string)context.GetRouteValue("sha256")!;
        IQueryCollection query = context.Request.Query;
        if (!links.IsValid(context.Repository(), context.Revision(), sha256, query["Expires"], query["Signature"]))
            return HubError.LinkRefused;
        RepositorySnapshot snapshot = await source.FindAsync(context.Repository(), context.Revision(), context.RequestAborted).ConfigureAwait(false);
        return snapshot.Files.Values.FirstOrDefault(candidate => candidate.Sha256 == sha256) is { } file
            ? await SendAsync(context, snapshot, file).ConfigureAwait(false)
            : HubError.EntryNotFound(sha256);
    }

    // Results handle HEAD, Range (206, 416), If-Range and If-None-Match.
    private async Task<IResult> SendAsync(HttpContext context, RepositorySnapshot snapshot, ServedFile file)
    {
        string type = System.IO.Path.GetExtension(file.Path) is ".json" or ".md" or ".txt" or ".jinja" ? "text/plain; charset=utf-8" : "application/octet-stream";
        var etag = new EntityTagHeaderValue(Quoted(file.ETag));
        context.Response.Headers.ContentDisposition = new ContentDispositionHeaderValue("inline") { FileNameStar = System.IO.Path.GetFileName(file.Path) }.ToString();
        if (source.Open(snapshot, file, fetch: !HttpMethods.IsHead(context.Request.Method)) is not { } content)
            return HubError.EntryNotFound(file.Path);
        if (content.File is { } here)
            return Results.File(here.FullName, type, lastModified: here.LastWriteTimeUtc, entityTag: etag, enableRangeProcessing: true);
        // Before a header goes out the first byte must be here: until then an error can still be told.
        long start = context.Request.GetTypedHeaders().Range?.Ranges.FirstOrDefault()?.From ?? 0;
        Stream arriving = content.Download is null || start >= file.Bytes
            ? new PromisedStream(file.Bytes)
            : await content.Download.OpenAsync(start, context.RequestAborted).ConfigureAwait(false);
        return Results.Stream(arriving, type, entityTag: etag, enableRangeProcessing: true);
    }

    private static string Quoted(string etag) => $"\"{etag}\"";

    /// <summary>Stands for content of which only the size is asked: by HEAD, or by a range behind its end.</summary>
    private sealed class PromisedStream(long bytes) : Stream
    {
        public override bool CanRead => true;
        public override bool CanSeek => true;
        public override bool CanWrite => false;
        public override long Length => bytes;
        public override long Position { get; set; }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => Position = origin == SeekOrigin.Begin ? offset : throw new NotSupportedException();
        public override void Flush() { }
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
