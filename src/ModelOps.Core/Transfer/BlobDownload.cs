using ModelOps.Hub;

namespace ModelOps.Transfer;

/// <summary>
/// Downloads one blob: missing chunks only, over several connections, each chunk tried again from its last byte, hashed in order while the others
/// arrive, and given its name when the digest is right.
/// </summary>
/// <param name="remote">The file at the hub.</param>
/// <param name="file">Path, size and digest.</param>
/// <param name="blob">Final path.</param>
/// <param name="session">What the files of a download share.</param>
internal sealed class BlobDownload(RemoteFile remote, PlannedFile file, string blob, TransferSession session)
{
    /// <summary>So much is put on the disk at once while the rest arrives: the system would otherwise keep gigabytes for the end.</summary>
    private const long FlushBytes = 64 << 20;

    private readonly TaskCompletionSource<(PartialFile Partial, ChunkQueue Queue)> _running = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether the checksums of the chunks are kept (<see cref="BlobFiles.Record"/>): for blobs of a cache, not in a user's folder.</summary>
    public bool KeepsChecksums { get; init; } = true;

    private int _attempt;

    /// <summary>Counts up when everything is fetched again: what was read before was wrong.</summary>
    public int Attempt => Volatile.Read(ref _attempt);

    /// <summary>The file that <see cref="WaitForAsync"/> speaks of. It gets its final name at the end; who has it open by then can go on reading.</summary>
    public string PartialPath => BlobFiles.Partial(blob);

    /// <summary>Downloads what is missing; the blob's lock must be held. Runs once.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ChecksumMismatch"/>, <see cref="ErrorKind.InsufficientDiskSpace"/>, and the hub's errors.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        ChunkQueue? queue = null;
        try
        {
            using PartialFile partial = PartialFile.Open(blob, file.ETag, file.Bytes, session.Options);
            queue = new ChunkQueue(partial.Record, session.Options.PartBytes, session.Time);
            _running.TrySetResult((partial, queue));
            await FetchAndVerifyAsync(partial, queue, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            queue?.Fail(e);
            _running.TrySetException(e);
            // Nobody may be waiting; then nobody need be told twice.
            _ = _running.Task.Exception;
            throw;
        }
    }

    /// <summary>
    /// Completes when the bytes from <paramref name="start"/> to <paramref name="end"/> (exclusive) are in the partial file, and fetches them before
    /// all others. They are checked only as part of the whole file, later: whoever passes them on must not call them verified.
    /// </summary>
    /// <exception cref="ModelOpsException">What ended the download.</exception>
    public async Task WaitForAsync(long start, long end, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, file.Bytes);
        (PartialFile partial, ChunkQueue queue) = await _running.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (start >= end)
            return;
        ChunkGrid grid = partial.Record.Grid;
        int first = grid.At(start), behind = grid.At(end - 1) + 1;
        do
        {
            await queue.AskAsync(first, behind, cancellationToken).ConfigureAwait(false);
        }
        while (!AreIntact(partial, queue, first, behind));
    }

    private async Task FetchAndVerifyAsync(PartialFile partial, ChunkQueue queue, CancellationToken cancellationToken)
    {
        long resumed = partial.Record.PresentBytes;
        session.Meter.AddPresent(file.Path, resumed);
        while (true)
        {
            string digest = "";
            using (var both = new FirstFailure(cancellationToken))
            {
                await both.RunAsync(
                [
                    () => new BlobFetch(remote, file, session, partial, queue).RunAsync(both.Stop),
                    async () => digest = await Task.Run(() => HashAsync(partial, queue, both.Stop), both.Stop).ConfigureAwait(false),
                ]).ConfigureAwait(false);
            }
            if (digest == file.ETag)
            {
                partial.Complete(KeepsChecksums);
                return;
            }
            if (resumed == 0)
            {
                partial.Discard();
                throw BlobFetch.Mismatch(file, $"its content has the digest {digest}, not {file.ETag}");
            }
            // What an earlier run left was as it had been written, and yet wrong: once more, from nothing.
            resumed = 0;
            Interlocked.Increment(ref _attempt);
            session.Meter.AddPresent(file.Path, -file.Bytes);
            partial.Clear();
            queue.Reset();
        }
    }

    /// <summary>Follows the chunks in order as they arrive, so that at the end only the last is left to hash, and to put on the disk.</summary>
    private async Task<string> HashAsync(PartialFile partial, ChunkQueue queue, CancellationToken cancellationToken)
    {
        ChunkGrid grid = partial.Record.Grid;
        using var hash = new BlobHash(file.ETag, file.Bytes);
        byte[] buffer = new byte[Math.Min(grid.ChunkBytes, Math.Max(file.Bytes, 1))];
        Task flushing = Task.CompletedTask;
        long flushed = 0;
        try
        {
            for (int chunk = 0; chunk < grid.Count;)
            {
                await queue.WaitAsync(chunk, cancellationToken).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                Memory<byte> content = buffer.AsMemory(0, grid.Length(chunk));
                // Just written, mostly: it comes from the system's memory, not from the disk.
                partial.Read(chunk, content.Span);
                if (!Check(partial, queue, chunk, content.Span))
                    continue;
                hash.Append(content.Span);
                if (flushing.IsCompleted && grid.End(chunk) - flushed >= FlushBytes)
                {
                    await flushing.ConfigureAwait(false);
                    flushed = grid.End(chunk);
                    flushing = Task.Run(partial.Flush, CancellationToken.None);
                }
                chunk++;
            }
        }
        finally
        {
            await flushing.ConfigureAwait(false);
        }
        queue.Close();
        return hash.Finish();
    }

    private bool AreIntact(PartialFile partial, ChunkQueue queue, int first, int behind)
    {
        byte[]? buffer = null;
        bool all = true;
        for (int chunk = first; chunk < behind; chunk++)
        {
            if (!queue.IsInherited(chunk))
                continue;
            buffer ??= new byte[partial.Record.Grid.ChunkBytes];
            Span<byte> content = buffer.AsSpan(0, partial.Record.Grid.Length(chunk));
            try
            {
                partial.Read(chunk, content);
            }
            catch (ObjectDisposedException e)
            {
                throw new ModelOpsException(ErrorKind.Failure, $"The download of '{file.Path}' has ended.", innerException: e);
            }
            all &= Check(partial, queue, chunk, content);
        }
        return all;
    }

    /// <summary>Whether a chunk that an earlier run left is as it was written; else it is missing again.</summary>
    private bool Check(PartialFile partial, ChunkQueue queue, int chunk, ReadOnlySpan<byte> content)
    {
        if (!queue.IsInherited(chunk))
            return true;
        if (partial.IsIntact(chunk, content))
        {
            queue.Confirm(chunk);
            return true;
        }
        if (queue.Lose(chunk, () => partial.Forget(chunk)))
            session.Meter.AddPresent(file.Path, -content.Length);
        return false;
    }
}
