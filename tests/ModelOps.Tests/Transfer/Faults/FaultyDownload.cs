using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using Xunit;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>How one run of a download ended.</summary>
/// <param name="Error">The error, or null when it succeeded.</param>
/// <param name="SentBytes">Bytes of content that the server sent.</param>
/// <param name="PlannedBytes">Bytes that the plan said would be fetched.</param>
internal sealed record RunOutcome(ModelOpsException? Error, long SentBytes, long PlannedBytes);

/// <summary>One model, a hub with faults in front of it, and one store, for as many runs as it takes.</summary>
internal sealed class FaultyDownload : IAsyncDisposable
{
    public const long ModelBytes = 12 << 20;
    public const int Connections = 4;

    /// <summary>What may be on its way when a run is stopped, and need not be kept: one part on each connection.</summary>
    public const long InFlightBytes = Connections * TempStore.PartBytes;

    /// <summary>A download that hangs fails its test; no test is about time.</summary>
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromMinutes(5);

    private FaultyDownload(RandomModel model, FaultServer server) => (Model, Server) = (model, server);

    public RandomModel Model { get; }

    public FaultServer Server { get; private set; }

    public TempStore Temp { get; } = new();

    /// <summary>Options of the store.</summary>
    public Func<StoreOptions, StoreOptions> Change { get; set; } = options => options;

    public FakeTime Time { get; } = new();

    public static async Task<FaultyDownload> StartAsync(long bytes = ModelBytes)
    {
        var model = new RandomModel(bytes);
        return new FaultyDownload(model, await FaultServer.StartAsync(model.Directory));
    }

    /// <summary>Plans and installs, with something in the way; final names are watched meanwhile.</summary>
    public async Task<RunOutcome> RunAsync(Fault? fault = null, Func<HubOptions, HubOptions>? change = null)
    {
        Server.Forget();
        Server.Fault = fault;
        using var giveUp = new CancellationTokenSource(GiveUpAfter);
        var options = new HubOptions { Endpoint = Server.Endpoint, Time = Time };
        using var client = new HubClient(change is null ? options : change(options));
        ModelStore store = Temp.With(old => Change(old with { Connections = Connections }));
        await using var watched = new FinalNames(store.Options.Directory);
        long planned = 0;
        try
        {
            DownloadPlan plan = await store.PlanInstallAsync(client, RandomModel.Repository, cancellationToken: giveUp.Token);
            planned = plan.BytesToFetch;
            await store.InstallAsync(client, plan, cancellationToken: giveUp.Token);
            return new RunOutcome(null, Server.ContentBytes, planned);
        }
        catch (ModelOpsException e)
        {
            Assert.NotEqual("", e.Message);
            return new RunOutcome(e, Server.ContentBytes, planned);
        }
    }

    /// <summary>The server again, at the address it had.</summary>
    public async Task RestartServerAsync() => Server = await FaultServer.StartAsync(Model.Directory, Server.Endpoint.AbsoluteUri);

    /// <summary>The model is there, with every byte right.</summary>
    public void AssertComplete()
    {
        InstalledModel model = Assert.Single(Temp.With(Change).GetModels());
        Assert.Equal(File.ReadAllBytes(Model.WeightsPath), File.ReadAllBytes(Path.Combine(model.Path, RandomModel.WeightsName)));
        Assert.DoesNotContain(Directory.EnumerateFiles(Temp.With(Change).Options.Directory, "*", SearchOption.AllDirectories), path => path.Contains(Model.Sha256 + ".", StringComparison.Ordinal) && Path.GetExtension(path) is not (".lock" or ".chunks"));
    }

    /// <summary>The run failed in this way, and nothing says that the model is there.</summary>
    public void AssertFailed(RunOutcome outcome, ErrorKind kind)
    {
        Assert.NotNull(outcome.Error);
        Assert.Equal(kind, outcome.Error.Kind);
        Assert.DoesNotContain(FinalNames.Of(Temp.With(Change).Options.Directory), path => path.Contains(Model.Sha256, StringComparison.Ordinal) || path.Contains("/snapshots/", StringComparison.Ordinal));
        Assert.Empty(Temp.With(Change).GetModels());
    }

    /// <summary>With the fault gone the next run succeeds, and fetches no more than the first had not brought.</summary>
    public async Task AssertContinuesAsync(RunOutcome first)
    {
        RunOutcome second = await RunAsync();
        Assert.Null(second.Error);
        AssertComplete();
        Assert.InRange(second.SentBytes, 0, Model.Bytes - first.SentBytes + InFlightBytes);
        // What the plan said: but for the small files, which are no content, and for what may have been cut off in the sockets.
        Assert.True(second.SentBytes - second.PlannedBytes is >= -4096 and <= InFlightBytes, $"{second} after {first}\n{string.Join('\n', Server.ContentRequests)}");
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Temp.Dispose();
        Model.Dispose();
    }
}
