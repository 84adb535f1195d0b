using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>A download without faults, stopped and continued, shared, and with too little room.</summary>
public sealed class DownloadTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Repository = HubFixture.Gemma;
    private const long WeightsBytes = 7_231_936;
    private readonly TempStore _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task EveryByteIsAskedForOnce()
    {
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        Assert.Equal((plan.Bytes, 0L), (plan.BytesToFetch, plan.Files.Sum(file => file.PresentBytes)));
        Assert.Empty(_temp.Entries());

        InstalledModel model = await _temp.Store.InstallAsync(client, plan);
        TempStore.AssertSameContent(Repository, model);
        Assert.DoesNotContain(_temp.Entries(), entry => entry.EndsWith(".incomplete", StringComparison.Ordinal));

        // Many parts of the weights, end to end, and one request for tokenizer.model, which is LFS as well.
        var ranges = network.Requests.Where(request => request.IsContent).Select(request => request.Range!.Ranges.Single()).OrderBy(range => range.From).ThenBy(range => range.To).ToList();
        Assert.Equal((0, 16_411), (ranges[0].From, ranges[0].To));
        Assert.InRange(ranges.Count, 15, 112);
        Assert.All(ranges.Skip(1).Zip(ranges.Skip(2)), pair => Assert.Equal(pair.First.To + 1, pair.Second.From));
        Assert.Equal(WeightsBytes + 16_412, network.AskedBytes);
        // Parts of one file go by one link: the hub is asked once a file.
        Assert.Equal(plan.Files.Count, network.Requests.Count(request => request.IsResolve));
    }

    [Fact]
    public async Task SecondInstallUsesNoNetwork()
    {
        using HubClient client = hub.Client();
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        InstalledModel first = await _temp.Store.InstallAsync(client, plan);

        var network = new FaultHandler();
        using HubClient offline = hub.Client(network, options => options with { Offline = true });
        InstalledModel second = await _temp.Store.InstallAsync(offline, plan);
        Assert.Equal((first.Path, first.Bytes), (second.Path, second.Bytes));
        Assert.Empty(network.Requests);
        Assert.Equal(0, (await _temp.Store.PlanInstallAsync(client, Repository)).BytesToFetch);
    }

    [Fact]
    public async Task ProgressGrowsToTheTotal()
    {
        using HubClient client = hub.Client();
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        var reports = new Reports();
        await _temp.Store.InstallAsync(client, plan, reports);
        Assert.True(reports.All.Count > 14);
        Assert.Equal(plan.Bytes, reports.All[^1].BytesDone);
        Assert.All(reports.All.Zip(reports.All.Skip(1)), pair => Assert.True(pair.First.BytesDone <= pair.Second.BytesDone));
        Assert.All(reports.All, report => Assert.Equal(plan.Bytes, report.TotalBytes));
    }

    [Fact]
    public async Task StoppedDownloadContinuesWithWhatIsMissing()
    {
        await StopHalfwayAsync();
        Assert.DoesNotContain(_temp.Finished(), entry => entry.Contains("/snapshots/"));

        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        PlannedFile weights = plan.Files.Single(file => file.Path == "model.safetensors");
        Assert.InRange(weights.PresentBytes, WeightsBytes / 3, WeightsBytes - 1);
        TempStore.AssertSameContent(Repository, await _temp.Store.InstallAsync(client, plan));
        Assert.Equal(WeightsBytes - weights.PresentBytes, WeightBytesAsked(network));
    }

    [Fact]
    public async Task ChunkThatSufferedIsFetchedAgainAlone()
    {
        await StopHalfwayAsync();
        string partial = Directory.EnumerateFiles(_temp.Directory, "*.modelops.incomplete", SearchOption.AllDirectories).Single(path => new FileInfo(path).Length == WeightsBytes);
        byte[] content = File.ReadAllBytes(partial);
        int written = Array.FindIndex(content, b => b != 0);
        content[written] ^= 1;
        File.WriteAllBytes(partial, content);

        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        long present = plan.Files.Single(file => file.Path == "model.safetensors").PresentBytes;
        TempStore.AssertSameContent(Repository, await _temp.Store.InstallAsync(client, plan));
        Assert.Equal(WeightsBytes - present + TempStore.ChunkBytes, WeightBytesAsked(network));
    }

    [Fact]
    public async Task PartialFileThatWasWrongFromTheStartIsFetchedAgainWhole()
    {
        await StopHalfwayAsync();
        string partial = Directory.EnumerateFiles(_temp.Directory, "*.modelops.incomplete", SearchOption.AllDirectories).Single(path => new FileInfo(path).Length == WeightsBytes);
        string blob = partial[..^".modelops.incomplete".Length];
        byte[] content = File.ReadAllBytes(partial);
        using (ChunkRecord record = ChunkRecord.Read(BlobFiles.State(blob), Path.GetFileName(blob), WeightsBytes)!)
        {
            // A wrong byte with the checksum that it would have had, if it had come so.
            int chunk = Enumerable.Range(0, record.Grid.Count).First(record.Has);
            content[record.Grid.Start(chunk)] ^= 1;
            record.Follow(BlobFiles.State(blob));
            record.Mark(chunk, Crc32C.Of(content.AsSpan((int)record.Grid.Start(chunk), record.Grid.Length(chunk))));
        }
        File.WriteAllBytes(partial, content);

        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        long present = plan.Files.Single(file => file.Path == "model.safetensors").PresentBytes;
        TempStore.AssertSameContent(Repository, await _temp.Store.InstallAsync(client, plan));
        Assert.Equal(WeightsBytes - present + WeightsBytes, WeightBytesAsked(network));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("""{"version":1,"eTag":"x","bytes":7231936,"done":[[0,7231936]]}""")]
    [InlineData("""{"version":9,"done":[[0,7231936]]}""")]
    public async Task BrokenStateMeansStartingOver(string state)
    {
        await StopHalfwayAsync();
        foreach (string path in Directory.EnumerateFiles(_temp.Directory, "*.state.incomplete", SearchOption.AllDirectories))
            File.WriteAllText(path, state);
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        TempStore.AssertSameContent(Repository, await _temp.Store.InstallAsync(client, plan));
        Assert.Equal(WeightsBytes, WeightBytesAsked(network));
    }

    [Fact]
    public async Task TwoAtOnceShareOneDownload()
    {
        // Both see the same network; a real clock, for one waits for the other's lock.
        var network = new FaultHandler();
        using HubClient client = hub.Client(network, options => options with { Time = TimeProvider.System });
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        InstalledModel[] models = await Task.WhenAll(Task.Run(() => _temp.Store.InstallAsync(client, plan)), Task.Run(() => _temp.Store.InstallAsync(client, plan)));
        Assert.Equal(models[0].Path, models[1].Path);
        TempStore.AssertSameContent(Repository, models[0]);
        Assert.Equal(WeightsBytes + 16_412, network.AskedBytes);
    }

    [Fact]
    public async Task WhoWaitsForAnotherProcessShowsItsProgress()
    {
        await StopHalfwayAsync();
        using HubClient client = hub.Client(change: options => options with { Time = TimeProvider.System });
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        PlannedFile weights = plan.Files.Single(file => file.Path == "model.safetensors");
        // Another process: what counts is the lock it holds.
        string path = Path.Combine(_temp.Directory, ".locks", "models--" + Repository.Replace("/", "--"), weights.ETag + ".lock");
        var waited = new TaskCompletionSource<TransferProgress>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<InstalledModel> install;
        using (await BlobLock.AcquireAsync(path, TimeProvider.System, TestContext.Current.CancellationToken))
        {
            install = _temp.Store.InstallAsync(client, plan, new Reports(report =>
            {
                if (report.IsElsewhere)
                    waited.TrySetResult(report);
            }), TestContext.Current.CancellationToken);
            TransferProgress report = await waited.Task.WaitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(weights.Path, report.File);
            Assert.True(report.BytesDone >= weights.PresentBytes);
        }
        TempStore.AssertSameContent(Repository, await install);
    }

    [Fact]
    public async Task BandwidthLimitHoldsForTheWholeDownload()
    {
        // On the fake clock every wait is over at once; their sum says how long the download may take.
        var time = new FakeTime();
        using HubClient client = hub.Client(change: options => options with { Time = time });
        ModelStore store = _temp.With(options => options with { MaximumBytesPerSecond = 100_000 });
        DownloadPlan plan = await store.PlanInstallAsync(client, Repository);
        TempStore.AssertSameContent(Repository, await store.InstallAsync(client, plan));
        Assert.InRange(time.Waits.Max().TotalSeconds, plan.Bytes * 0.9 / 100_000, plan.Bytes * 1.1 / 100_000);
    }

    [Fact]
    public async Task TooLittleRoomIsSaidBeforeTheFirstByte()
    {
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        ModelStore store = _temp.With(options => options with { Transfer = options.Transfer with { FreeBytes = _ => 1_000_000 } });
        DownloadPlan plan = await store.PlanInstallAsync(client, Repository);
        Assert.Equal(1_000_000, plan.DiskFreeBytes);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => store.InstallAsync(client, plan));
        Assert.Equal(ErrorKind.InsufficientDiskSpace, e.Kind);
        Assert.Contains("977 KiB (1000000 bytes)", e.Message);
        Assert.Contains(plan.Bytes.ToString(), e.Message);
        Assert.DoesNotContain(network.Requests, request => request.IsResolve);
        Assert.Empty(_temp.Entries());
    }

    [Fact]
    public async Task DiskThatFillsUpLeavesNothingUnderAFinalName()
    {
        using HubClient client = hub.Client();
        int writes = 0;
        ModelStore full = _temp.With(options => options with
        {
            Transfer = options.Transfer with
            {
                WriteAt = (handle, bytes, position, stop) => Interlocked.Increment(ref writes) > 20
                    ? throw new IOException("No space left on device", OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28)
                    : RandomAccess.WriteAsync(handle, bytes, position, stop),
            },
        });
        DownloadPlan plan = await full.PlanInstallAsync(client, Repository);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => full.InstallAsync(client, plan));
        Assert.Equal(ErrorKind.InsufficientDiskSpace, e.Kind);
        Assert.DoesNotContain(_temp.Finished(), entry => entry.Contains("/snapshots/") || new FileInfo(Path.Combine(_temp.Directory, entry)).Length == WeightsBytes);
        Assert.Empty(_temp.Store.GetModels());

        TempStore.AssertSameContent(Repository, await _temp.Store.InstallAsync(client, plan));
    }

    private static long WeightBytesAsked(FaultHandler network) => network.AskedBytes - network.Requests
        .Where(request => request.IsContent && request.Range!.Ranges.Single() is { From: 0, To: 16_411 }).Sum(_ => 16_412L);

    private async Task StopHalfwayAsync()
    {
        using HubClient client = hub.Client();
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        using var stop = new CancellationTokenSource();
        var reports = new Reports(report =>
        {
            if (report.BytesDone > plan.Bytes / 2)
                stop.Cancel();
        });
        // Few connections, so that what is still under way is not all that is left.
        ModelStore store = _temp.With(options => options with { Connections = 2 });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.InstallAsync(client, plan, reports, stop.Token));
    }
}
