using System.Buffers;
using ModelOps.Hub;

namespace ModelOps.Transfer;

/// <summary>Brings the chunks that a queue hands out, until it closes.</summary>
internal sealed class BlobFetch(RemoteFile remote, PlannedFile file, TransferSession session, PartialFile partial, ChunkQueue queue)
{
    private readonly ChunkGrid _grid = partial.Record.Grid;
    private volatile bool _hasReceived;

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ChecksumMismatch"/>, <see cref="ErrorKind.InsufficientDiskSpace"/>, and the hub's errors.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var workers = new FirstFailure(cancellationToken);
            // The gate, shared with other files, says how many of them have a connection.
            int count = Math.Min(_grid.Count, session.Options.MostConnections);
            await workers.RunAsync(Enumerable.Repeat(() => WorkAsync(() => queue.Take(session.Gate.Limit), workers.Stop), count)).ConfigureAwait(false);
        }
        catch (RangesIgnored)
        {
            // A proxy or server that sends the whole file each time: then in one stream, from the beginning.
            await WorkAsync(queue.TakeStream, cancellationToken).ConfigureAwait(false);
        }
    }

    public static ModelOpsException Mismatch(PlannedFile file, string what) => new(
        ErrorKind.ChecksumMismatch,
        $"'{file.Path}' is not what the hub promised: {what}. It was not installed.",
        "Try again. If it happens again, a proxy or mirror on the way changes or caches files: go around it (NO_PROXY, HF_ENDPOINT).");

    private async Task WorkAsync(Func<ChunkRun?> take, CancellationToken cancellationToken)
    {
        ChunkRun? run = null;
        byte[] buffer = [];
        try
        {
            while (run is not null || await queue.HasWorkAsync(cancellationToken).ConfigureAwait(false))
            {
                HubFailure? failure = null;
                await session.Gate.EnterAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    run ??= take();
                    if (run is not null)
                    {
                        // Only who fetches has a buffer: many files have many workers that wait.
                        buffer = buffer.Length > 0 ? buffer : ArrayPool<byte>.Shared.Rent((int)Math.Min(_grid.ChunkBytes, file.Bytes));
                        failure = await TryFetchAsync(run, buffer, cancellationToken).ConfigureAwait(false);
                    }
                }
                finally
                {
                    session.Gate.Leave();
                }
                if (failure is not null)
                {
                    await run!.RetryAsync(failure, session.Notices.Tell, cancellationToken).ConfigureAwait(false);
                    continue;
                }
                run = null;
                Return(ref buffer);
            }
        }
        finally
        {
            if (run is not null)
            {
                session.Meter.AddPresent(file.Path, -run.Filled);
                queue.Release(run);
            }
            Return(ref buffer);
        }
    }

    private static void Return(ref byte[] buffer)
    {
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
    }

    /// <summary>Fetches a run until it ends; the failure that stopped it before, or null.</summary>
    private async Task<HubFailure?> TryFetchAsync(ChunkRun run, byte[] buffer, CancellationToken cancellationToken)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, run.GivenUp);
        try
        {
            long position = _grid.Start(run.Next) + run.Filled;
            while (true)
            {
                both.Token.ThrowIfCancellationRequested();
                long end = queue.EndOf(run);
                RangeResponse response = await remote.OpenAsync(position, end - position, both.Token).ConfigureAwait(false);
                await using (response.ConfigureAwait(false))
                {
                    if (response.TotalBytes is { } total && total != file.Bytes)
                        throw Mismatch(file, $"the server's file has {total} bytes, not {file.Bytes}");
                    if (response.IsWhole && !run.IsStream && (position > 0 || end < file.Bytes))
                        throw new RangesIgnored();
                    if (response.IsWhole)
                        await SkipAsync(response.Body, position, buffer.AsMemory(run.Filled), both.Token).ConfigureAwait(false);
                    if (await ReceiveAsync(response, run, buffer, both.Token).ConfigureAwait(false))
                        return null;
                }
                long reached = _grid.Start(run.Next) + run.Filled;
                // A server may send less than was asked for, as long as it sends something; a body of unstated length may also have been cut off.
                if (response.Length is null || reached == position)
                    return Broken(end - reached);
                position = reached;
            }
        }
        catch (OperationCanceledException) when (run.GivenUp.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // Another connection fetches it; what this one had of it counts no more.
            session.Meter.AddPresent(file.Path, -run.Filled);
            return null;
        }
        catch (HubFailure e) when (e.Error.Kind == ErrorKind.InvalidArgument)
        {
            throw Mismatch(file, $"the server's file ends before byte {_grid.Start(run.Next) + run.Filled}");
        }
        catch (HubFailure e)
        {
            if (e is { IsTransient: true, IsRefusedLink: false, IsRemembered: false })
                session.Gate.Refused();
            // "Refused" or "no such host" at the start is a wrong address; in the middle of a download the network is down for a moment.
            return e.Error.Kind == ErrorKind.NetworkFailure && _hasReceived ? new HubFailure(e.Error, isTransient: true, e.Wait) { IsRefusedLink = e.IsRefusedLink, IsRemembered = e.IsRemembered } : e;
        }
        catch (ModelOpsException e) when (e.Kind == ErrorKind.NetworkFailure)
        {
            session.Gate.Refused();
            return new HubFailure(e, isTransient: true);
        }
    }

    /// <summary>Takes a body's bytes into the run's chunks. True when the run has ended, false when the body ended before.</summary>
    private async Task<bool> ReceiveAsync(RangeResponse response, ChunkRun run, byte[] buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            int length = _grid.Length(run.Next);
            while (run.Filled < length)
            {
                Memory<byte> space = buffer.AsMemory(run.Filled, Math.Min(length - run.Filled, session.Limit?.PieceBytes ?? length));
                int read = await response.Body.ReadAsync(space, cancellationToken).ConfigureAwait(false);
                if (read == 0)
                    return false;
                run.Filled += read;
                run.Received(read);
                _hasReceived = true;
                session.Meter.AddFetched(file.Path, read);
                session.Gate.Received(read);
                session.Notices.Received();
                if (session.Limit is not null)
                    await session.Limit.WaitAsync(read, cancellationToken).ConfigureAwait(false);
            }
            if (!queue.MayWrite(run))
                throw new OperationCanceledException(run.GivenUp);
            await partial.WriteAsync(run.Next, buffer.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            run.Filled = 0;
            bool goesOn = queue.Advance(run);
            // Chunks that are there already pass by in a stream.
            while (goesOn && run.IsStream && queue.Has(run.Next))
            {
                await SkipAsync(response.Body, _grid.Length(run.Next), buffer, cancellationToken).ConfigureAwait(false);
                goesOn = queue.Advance(run);
            }
            if (goesOn)
                continue;
            if (response is { IsWhole: true, TotalBytes: null } && await response.Body.ReadAsync(buffer.AsMemory(0, 1), cancellationToken).ConfigureAwait(false) > 0)
                throw Mismatch(file, $"the server's file has more than {file.Bytes} bytes");
            return true;
        }
    }

    private async Task SkipAsync(BodyStream body, long bytes, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (bytes > 0)
        {
            int read = await body.ReadAsync(buffer[..(int)Math.Min(buffer.Length, bytes)], cancellationToken).ConfigureAwait(false);
            if (read == 0)
                throw Broken(bytes);
            bytes -= read;
        }
    }

    private HubFailure Broken(long missing) => new(NetworkErrors.BrokenBody("The server", $"{missing} bytes of '{file.Path}' are missing"), isTransient: true);

    /// <summary>The server answered a range with the whole file.</summary>
    private sealed class RangesIgnored : Exception;
}
