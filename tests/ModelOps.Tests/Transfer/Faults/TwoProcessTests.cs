using ModelOps.Tests.Cli;
using Xunit;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>Two processes want the same model at the same time.</summary>
public sealed class TwoProcessTests : IDisposable
{
    private const long ModelBytes = 64 << 20;

    private readonly TemporaryFolder _folder = new();
    private readonly RandomModel _model = new(ModelBytes);

    public void Dispose()
    {
        _folder.Dispose();
        _model.Dispose();
    }

    [Fact]
    public async Task OneDownloadServesBoth()
    {
        await using FaultServer server = await FaultServer.StartAsync(_model.Directory);
        await using var watched = new FinalNames(PullProcess.Store(_folder.Path));
        // Nothing comes before both are at work: the second has asked the hub for the model while the first downloads it.
        using var first = new Gate(server, planned: 2);
        await using var a = new PullProcess(_folder.Path, server.Endpoint);
        await using var b = new PullProcess(_folder.Path, server.Endpoint);

        CliOutcome[] outcomes = await Task.WhenAll(a.EndAsync(), b.EndAsync());

        Assert.All(outcomes, outcome => PullProcess.AssertInstalled(outcome, _model));
        // A machine under load may break a connection or two, whose chunks are sent again; a second download would be the model again.
        Assert.InRange(server.ContentBytes, _model.Bytes, _model.Bytes * 3 / 2);
    }

    [Fact]
    public async Task SecondTakesOverWhenTheFirstIsKilled()
    {
        await using FaultServer server = await FaultServer.StartAsync(_model.Directory);
        await using var watched = new FinalNames(PullProcess.Store(_folder.Path));
        using var gate = new Gate(server, planned: 2, NetworkFaults.Paced(8 << 20));
        await using var a = new PullProcess(_folder.Path, server.Endpoint);
        await using var b = new PullProcess(_folder.Path, server.Endpoint);
        PullProcess? killed = null;
        long unfinished = 0;
        server.Sent = sent =>
        {
            if (sent < ModelBytes / 2 || Volatile.Read(ref killed) is not null)
                return;
            // Whoever has the lock is the one whose connections are open; either is as good.
            Volatile.Write(ref unfinished, server.ContentRequests.Where(request => !request.IsFinished).Sum(request => request.Sent));
            Volatile.Write(ref killed, a);
            a.Kill();
        };

        CliOutcome[] outcomes = await Task.WhenAll(a.EndAsync(), b.EndAsync());

        Assert.NotNull(killed);
        Assert.Equal(137, outcomes[0].ExitCode);
        PullProcess.AssertInstalled(outcomes[1], _model);
        Assert.InRange(server.ContentBytes, _model.Bytes, _model.Bytes + unfinished + (24 << 20));
    }

    /// <summary>Holds all content back until so many processes have listed the files, so that none comes too late to compete.</summary>
    private sealed class Gate : IDisposable
    {
        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _planned;

        public Gate(FaultServer server, int planned, Fault? then = null) => server.Fault = async request =>
        {
            if (request.Path.Contains("/tree/", StringComparison.Ordinal) && Interlocked.Increment(ref _planned) == planned)
                _open.TrySetResult();
            if (!request.IsContent)
                return false;
            await _open.Task.WaitAsync(request.Context.RequestAborted);
            return then is not null && await then(request);
        };

        public void Dispose() => _open.TrySetResult();
    }
}
