using System.Buffers;
using ModelOps.Hub;

namespace ModelOps.Transfer;

/// <summary>
/// Downloads one blob: missing ranges only, several at once, each tried again from its last byte; verified by its digest before it gets its name.
/// </summary>
/// <param name="remote">The file at the hub.</param>
/// <param name="file">Path, size and digest.</param>
/// <param name="blob">Final path.</param>
/// <param name="connections">Shared by all files of a download: how many requests run at once.</param>
/// <param name="meter">Counts for all files.</param>
/// <param name="time">Clock for the waits.</param>
/// <param name="options">Knobs.</param>
internal sealed class BlobDownload(RemoteFile remote, PlannedFile file, string blob, SemaphoreSlim connections, TransferMeter meter, TimeProvider time, TransferOptions options)
{
    private const int BufferBytes = 256 << 10;
    private volatile bool _hasReceived;

    /// <summary>Downloads what is missing; the blob's lock must be held.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ChecksumMismatch"/>, <see cref="ErrorKind.InsufficientDiskSpace"/>, and the hub's errors.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            using PartialFile partial = PartialFile.Open(blob, file.ETag, file.Bytes, options);
            long resumed = partial.DoneBytes;
            meter.AddPresent(file.Path, resumed);
            await FetchAsync(partial, cancellationToken).ConfigureAwait(false);
            string digest = await BlobDigest.ComputeAsync(partial.Path, file.ETag, cancellationToken).ConfigureAwait(false);
            if (digest == file.ETag)
            {
                partial.Complete();
                return;
            }
            partial.Discard();
            if (resumed == 0)
                throw Mismatch($"its content has the digest {digest}, not {file.ETag}");
            // What an earlier run left may have suffered (a crash of the machine, another program): once more, from nothing.
            meter.AddPresent(file.Path, -file.Bytes);
        }
    }

    private async Task FetchAsync(PartialFile partial, CancellationToken cancellationToken)
    {
        IReadOnlyList<(long Start, long End)> parts = partial.Missing(options.PartBytes);
        try
        {
            await FetchPartsAsync(partial, parts, cancellationToken).ConfigureAwait(false);
        }
        catch (RangesIgnored)
        {
            // A proxy or server that sends the whole file each time: then once, in one stream, from the beginning.
            meter.AddPresent(file.Path, -partial.DoneBytes);
            partial.Clear();
            await FetchPartAsync(partial, 0, file.Bytes, mayStartOver: true, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task FetchPartsAsync(PartialFile partial, IReadOnlyList<(long Start, long End)> parts, CancellationToken cancellationToken)
    {
        using var siblings = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var queue = new Queue<(long Start, long End)>(parts);
        Exception? first = null;

        async Task WorkAsync()
        {
            while (true)
            {
                (long Start, long End) part;
                lock (queue)
                {
                    if (!queue.TryDequeue(out part))
                        return;
                }
                try
                {
                    await FetchPartAsync(partial, part.Start, part.End, mayStartOver: false, siblings.Token).ConfigureAwait(false);
                }
                catch (Exception e)
                {
                    // The first failure is the cause; what the others then say is only that they were stopped.
                    if (Interlocked.CompareExchange(ref first, e, null) is null)
                        await siblings.CancelAsync().ConfigureAwait(false);
                    return;
                }
            }
        }

        // As many workers as parts may run at once; the semaphore, shared with other files, says how many do.
        int workers = Math.Min(parts.Count, options.Connections);
        await Task.WhenAll(Enumerable.Range(0, workers).Select(_ => WorkAsync())).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (first is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
    }

    private async Task FetchPartAsync(PartialFile partial, long start, long end, bool mayStartOver, CancellationToken cancellationToken)
    {
        var budget = new RetryBudget(time);
        long furthest = start;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (long position = start; position < end;)
            {
                HubFailure failure;
                await connections.WaitAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    RangeResponse response = await remote.OpenAsync(position, end - position, cancellationToken).ConfigureAwait(false);
                    await using (response.ConfigureAwait(false))
                    {
                        if (response.TotalBytes is { } total && total != file.Bytes)
                            throw Mismatch($"the server's file has {total} bytes, not {file.Bytes}");
                        if (response.IsWhole && !(start == 0 && end == file.Bytes))
                            throw new RangesIgnored();
                        if (response.IsWhole && position > 0)
                        {
                            if (!mayStartOver)
                                throw new RangesIgnored();
                            meter.AddPresent(file.Path, -partial.DoneBytes);
                            partial.Clear();
                            position = 0;
                        }
                        int read;
                        while ((read = await response.Body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
                        {
                            if (read > end - position)
                                throw Mismatch($"the server's file has more than {file.Bytes} bytes");
                            await partial.WriteAsync(buffer.AsMemory(0, read), position, cancellationToken).ConfigureAwait(false);
                            position += read;
                            _hasReceived = true;
                            meter.AddFetched(file.Path, read);
                            // Bytes that came before are no progress: a server that always starts over must not keep us for ever.
                            if (position > furthest)
                            {
                                furthest = position;
                                budget.Reset();
                            }
                        }
                        if (position == end)
                            return;
                        // Only a body of unstated length ends early without an error of its own.
                        failure = new HubFailure(NetworkErrors.BrokenBody("The server", $"{end - position} bytes of '{file.Path}' are missing"), isTransient: true);
                    }
                }
                catch (HubFailure e) when (e.Error.Kind == ErrorKind.InvalidArgument)
                {
                    throw Mismatch($"the server's file ends before byte {position}");
                }
                catch (HubFailure e)
                {
                    // "Refused" or "no such host" at the start is a wrong address; in the middle of a download the network is down for a moment.
                    failure = e.Error.Kind == ErrorKind.NetworkFailure && _hasReceived ? new HubFailure(e.Error, isTransient: true, e.Wait) : e;
                }
                catch (ModelOpsException e) when (e.Kind == ErrorKind.NetworkFailure)
                {
                    failure = new HubFailure(e, isTransient: true);
                }
                finally
                {
                    connections.Release();
                }
                await budget.WaitAsync(failure, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private ModelOpsException Mismatch(string what) => new(
        ErrorKind.ChecksumMismatch,
        $"'{file.Path}' is not what the hub promised: {what}. It was not installed.",
        "Try again. If it happens again, a proxy or mirror on the way changes or caches files: go around it (NO_PROXY, HF_ENDPOINT).");

    /// <summary>The server answered a range with the whole file.</summary>
    private sealed class RangesIgnored : Exception;
}
