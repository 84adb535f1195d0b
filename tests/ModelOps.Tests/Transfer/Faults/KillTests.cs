using ModelOps.Tests.Cli;
using Xunit;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>The process that downloads is killed: what it had is good for the next, and nothing lies about being complete.</summary>
public sealed class KillTests : IDisposable
{
    private const long ModelBytes = 256 << 20;
    private const int Kills = 5;
    private const int Killed = 128 + 9;
    /// <summary>Slow enough that the sockets' buffers are empty: what was sent has arrived.</summary>
    private const int BytesPerSecond = 12 << 20;
    /// <summary>What a kill may cost: on each of at most 16 connections the chunk of 1 MiB that was under way, and what the sockets held. Without a memory each would cost more.</summary>
    private const long LostBytes = 26 << 20;
    private const long LeastMoment = 36 << 20;

    /// <summary>What an unlimited server hands to the sockets, and counts, before the client has it: a few MiB for each connection.</summary>
    private const long SocketBytes = 64 << 20;

    private readonly TemporaryFolder _folder = new();
    private readonly RandomModel _model = new(ModelBytes);

    public void Dispose()
    {
        _folder.Dispose();
        _model.Dispose();
    }

    [Fact]
    public async Task KilledDownloadsContinue()
    {
        await using FaultServer server = await FaultServer.StartAsync(_model.Directory);
        server.Fault = NetworkFaults.Paced(BytesPerSecond).OnContent();
        await using var watched = new FinalNames(PullProcess.Store(_folder.Path));
        // Moments counted in bytes, so that a slow machine is killed at the same places.
        var random = new Random(20);
        long[] moments = [.. Enumerable.Range(0, Kills).Select(_ => random.NextInt64(LeastMoment, ModelBytes / Kills))];
        long sent = 0;
        foreach (long moment in moments)
        {
            sent += await KillAsync(server, moment);
            watched.Look();
        }

        server.Forget();
        await using var last = new PullProcess(_folder.Path, server.Endpoint);
        PullProcess.AssertInstalled(await last.EndAsync(), _model);

        sent += server.ContentBytes;
        Assert.InRange(sent, _model.Bytes, _model.Bytes + Kills * LostBytes);
        Assert.DoesNotContain(Directory.EnumerateFiles(PullProcess.Store(_folder.Path), "*", SearchOption.AllDirectories), path => path.Contains(".incomplete", StringComparison.Ordinal));
    }

    [Fact]
    public async Task KillAtTheLastByteLeavesAllOrNothing()
    {
        await using FaultServer server = await FaultServer.StartAsync(_model.Directory);
        await using (var watched = new FinalNames(PullProcess.Store(_folder.Path)))
            await KillAsync(server, _model.Bytes);

        server.Forget();
        await using var again = new PullProcess(_folder.Path, server.Endpoint);
        PullProcess.AssertInstalled(await again.EndAsync(), _model);
        Assert.InRange(server.ContentBytes, 0, LostBytes + SocketBytes);
    }

    /// <summary>Starts a download and kills it when so many bytes have been sent; returns how many were.</summary>
    private async Task<long> KillAsync(FaultServer server, long moment)
    {
        server.Forget();
        await using var process = new PullProcess(_folder.Path, server.Endpoint);
        server.Sent = sent =>
        {
            if (sent >= moment)
                process.Kill();
        };
        CliOutcome outcome = await process.EndAsync();
        server.Sent = null;
        Assert.True(outcome.ExitCode is Killed or 0, outcome.Error);
        return server.ContentBytes;
    }
}
