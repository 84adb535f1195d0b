using System.Net;

namespace ModelOps.Hub;

/// <summary>
/// One file of the hub, read by ranges. The hub's redirect to the content server is remembered, because every question to the hub counts against
/// its limits and a download asks for many ranges; when the link has expired, the hub is asked again.
/// </summary>
internal sealed class RemoteFile(HubTransport transport, HubRequest resolve)
{
    private readonly SemaphoreSlim _first = new(1, 1);
    private Uri? _link;
    private volatile bool _isDirect;

    /// <summary>Opens a range with one attempt, two where the link has expired.</summary>
    /// <exception cref="HubFailure">With what a retry needs to know.</exception>
    public async Task<RangeResponse> OpenAsync(long offset, long length, CancellationToken cancellationToken)
    {
        try
        {
            return await OpenOnceAsync(offset, length, cancellationToken).ConfigureAwait(false);
        }
        catch (HubFailure e) when (e.IsRefusedLink)
        {
            // It has expired, as links do: a new one is asked for at once, and nobody need hear of it.
            return await OpenOnceAsync(offset, length, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<RangeResponse> OpenOnceAsync(long offset, long length, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _link) is { } known)
            return await OpenAsync(known, offset, length, cancellationToken).ConfigureAwait(false);
        if (_isDirect)
            return await OpenAsync(null, offset, length, cancellationToken).ConfigureAwait(false);
        // One asks the hub, the others wait for the link it brings.
        await _first.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await OpenAsync(Volatile.Read(ref _link), offset, length, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _first.Release();
        }
    }

    private async Task<RangeResponse> OpenAsync(Uri? link, long offset, long length, CancellationToken cancellationToken)
    {
        HubRequest request = resolve with { Range = (offset, length) };
        if (link is not null)
            request = request with { Address = link, IsLink = true };
        HttpResponseMessage response;
        try
        {
            response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (HubFailure e) when (link is not null)
        {
            // Whatever went wrong there: the next attempt starts at the hub, which may send us elsewhere.
            Interlocked.CompareExchange(ref _link, null, link);
            throw new HubFailure(e.Error, isTransient: true, e.Wait) { IsRefusedLink = e.IsRefusedLink, IsRemembered = e.IsRemembered };
        }
        try
        {
            // Only what the hub itself said: a late answer over an old link must not bring that link back.
            if (link is null && response.RequestMessage?.RequestUri is { } final && final != resolve.Address)
                Volatile.Write(ref _link, final);
            else if (link is null)
                _isDirect = true;
            return await ReadAsync(response, offset, length, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private async Task<RangeResponse> ReadAsync(HttpResponseMessage response, long offset, long length, CancellationToken cancellationToken)
    {
        string host = response.RequestMessage?.RequestUri?.Host ?? resolve.Address.Host;
        if (response.StatusCode == HttpStatusCode.PartialContent)
        {
            // A range that is not the one asked for would put bytes in the wrong place.
            if (response.Content.Headers.ContentRange is not { From: { } from, To: { } to } range || from != offset || to < from || to - from + 1 > length)
                throw Wrong($"{host} sent another range than was asked for ({response.Content.Headers.ContentRange?.ToString() ?? "not saying which"}).");
            BodyStream body = await transport.OpenBodyAsync(response, to - from + 1, mustFill: true, cancellationToken).ConfigureAwait(false);
            return Tagged(new RangeResponse(body, offset, to - from + 1, range.Length), response, host);
        }
        // The whole file in answer to a range.
        long? total = response.Content.Headers.ContentLength;
        BodyStream whole = await transport.OpenBodyAsync(response, total ?? long.MaxValue, mustFill: total is not null, cancellationToken).ConfigureAwait(false);
        return Tagged(new RangeResponse(whole, 0, total, total) { IsWhole = true }, response, host);
    }

    private static RangeResponse Tagged(RangeResponse range, HttpResponseMessage response, string host) => range with
    {
        Host = host,
        ETag = response.Headers.ETag is { IsWeak: false } tag ? tag.Tag : null,
        LinkedETag = response.Headers.TryGetValues(HubTransport.LinkedETag, out IEnumerable<string>? linked) ? linked.First().Trim('"') : null,
    };

    private static HubFailure Wrong(string message) => new(new ModelOpsException(ErrorKind.NetworkFailure, message, "A proxy may have cached the wrong thing; try again or go around it (NO_PROXY)."), isTransient: true);
}

/// <summary>An answer to a range.</summary>
/// <param name="Body">The bytes.</param>
/// <param name="Offset">Position of the first byte in the file.</param>
/// <param name="Length">Number of bytes, when it was said.</param>
/// <param name="TotalBytes">Size of the file, when it was said.</param>
internal sealed record RangeResponse(BodyStream Body, long Offset, long? Length, long? TotalBytes) : IAsyncDisposable
{
    /// <summary>Who sends it.</summary>
    public string Host { get; init; } = "";

    /// <summary>What the sender calls the content, unless only weakly.</summary>
    public string? ETag { get; init; }

    /// <summary>Digest of the content as the hub says it, when it was the hub that was asked: SHA-256 of a large file, git's id of a small one.</summary>
    public string? LinkedETag { get; init; }

    /// <summary>Whether the server ignored the range and sends the file from its beginning.</summary>
    public bool IsWhole { get; init; }

    public ValueTask DisposeAsync() => Body.DisposeAsync();
}
