using System.Collections.Concurrent;
using System.Security.Cryptography;
using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Conversion;

/// <summary>One file of a hub, read by ranges that come whole: dropped connections are taken up where they broke, as in a download.</summary>
internal sealed class RemoteRange(HubClient hub, ModelVariant variant, RepositoryFile file)
{
    /// <summary>Fewer new bytes than this do not count as progress between two failures: trickled bytes must not buy attempts for ever.</summary>
    private const int ProgressBytes = 64 << 10;

    private readonly RemoteFile _remote = hub.OpenFile(variant.Repository, variant.Commit, file.Path);
    private readonly ConcurrentDictionary<string, string> _tags = new(StringComparer.OrdinalIgnoreCase);
    private volatile bool _hasReceived;
    private volatile bool _sendsWhole;

    /// <summary>Whether the server was seen to ignore ranges: then it can be read from the start only.</summary>
    public bool SendsWhole => _sendsWhole;

    /// <summary>Fills <paramref name="destination"/> from a position of the file.</summary>
    /// <exception cref="ModelOpsException">What the hub answers; <see cref="ErrorKind.ChecksumMismatch"/> when the file is not the one that the hub listed.</exception>
    public async Task FillAsync(long position, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var budget = new RetryBudget(hub.Options.Time);
        var sinceFailure = 0;
        while (!destination.IsEmpty)
        {
            HubFailure failure;
            try
            {
                var response = await _remote.OpenAsync(position, destination.Length, cancellationToken).ConfigureAwait(false);
                await using (response.ConfigureAwait(false))
                {
                    Require(response, position);
                    for (int read; !destination.IsEmpty && (read = await response.Body.ReadAsync(destination, cancellationToken).ConfigureAwait(false)) > 0;)
                    {
                        destination = destination[read..];
                        position += read;
                        sinceFailure += read;
                        _hasReceived = true;
                    }
                }
                if (destination.IsEmpty)
                    return;
                // A server may send less than was asked for, as long as it sends something.
                failure = new HubFailure(NetworkErrors.BrokenBody("The server", $"{destination.Length} bytes of '{file.Path}' are missing"), isTransient: true);
            }
            catch (HubFailure e) when (e.Error.Kind == ErrorKind.InvalidArgument)
            {
                throw Changed($"it ends before byte {position:N0}");
            }
            catch (HubFailure e)
            {
                // "Refused" or "no such host" at the start is a wrong address; in the middle of a conversion the network is down for a moment.
                failure = e.Error.Kind == ErrorKind.NetworkFailure && _hasReceived ? new HubFailure(e.Error, isTransient: true, e.Wait) : e;
            }
            catch (ModelOpsException e) when (e.Kind == ErrorKind.NetworkFailure)
            {
                failure = new HubFailure(e, isTransient: true);
            }
            if (sinceFailure >= ProgressBytes)
                budget.Reset();
            sinceFailure = 0;
            await budget.WaitAsync(failure, hub.Options.Notify, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Checks the whole content of the file against the digest that the hub promised.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ChecksumMismatch"/>.</exception>
    public void Verify(ReadOnlySpan<byte> content)
    {
        var promised = file.Sha256 ?? file.GitSha1;
        using var hash = new BlobHash(promised, content.Length);
        hash.Append(content);
        if (hash.Finish() is var found && found != promised)
            throw Changed($"its digest is {found}, not {promised}");
    }

    /// <summary>SHA-256 of the file: what the hub promises of a large one; a small one, of which it knows git's digest only, is read for it.</summary>
    public async Task<string> DigestAsync(CancellationToken cancellationToken)
    {
        if (file.Sha256 is { } promised)
            return promised;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var piece = new byte[Math.Min(file.Bytes, RemoteFiles.MostPieceBytes)];
        for (var at = 0L; at < file.Bytes; at += piece.Length)
        {
            var part = piece.AsMemory(0, (int)Math.Min(piece.Length, file.Bytes - at));
            await FillAsync(at, part, cancellationToken).ConfigureAwait(false);
            hash.AppendData(part.Span);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private void Require(RangeResponse response, long position)
    {
        if (response.TotalBytes is { } total && total != file.Bytes)
            throw Changed($"it has {total:N0} bytes, not {file.Bytes:N0}");
        // What the hub says that its link leads to, and what the server behind it says each time.
        if (response.LinkedETag is { } content && content != (file.Sha256 ?? file.GitSha1))
            throw Changed($"its digest is {content}, not {file.Sha256 ?? file.GitSha1}");
        if (response.ETag is { } tag && _tags.GetOrAdd(response.Host, tag) is var first && first != tag)
            throw Changed($"{response.Host} sent {first} first, and {tag} now");
        _sendsWhole |= response.IsWhole;
        if (response.IsWhole && position > 0)
        {
            throw new ModelOpsException(
                ErrorKind.Failure,
                $"The server sends '{file.Path}' only as a whole, so it cannot be read without storing it.",
                "Install the model and work with it from the store, or go around the proxy or mirror that ignores ranges (NO_PROXY, HF_ENDPOINT).");
        }
    }

    private ModelOpsException Changed(string how) => new(
        ErrorKind.ChecksumMismatch,
        $"'{file.Path}' of '{variant.Repository}' is not the file that the hub listed: {how}.",
        "Try again. If it happens again, a proxy or mirror on the way changes or caches files: go around it (NO_PROXY, HF_ENDPOINT).");
}
