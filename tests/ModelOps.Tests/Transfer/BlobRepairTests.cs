using ModelOps.Store;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>Finding damage in an installed blob, and fetching that and no more.</summary>
public sealed class BlobRepairTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Repository = HubFixture.Gemma;
    private const long WeightsBytes = 7_231_936;
    private const int Chunk = TempStore.ChunkBytes;
    private readonly TempStore _temp = new();
    private readonly FaultHandler _network = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task RightBlobIsRight()
    {
        (PlannedFile file, string blob, _) = await InstallAsync();
        var read = new List<long>();
        BlobCheckResult check = await BlobCheck.RunAsync(blob, file.ETag, file.Bytes, BlobFiles.Record(blob), new Collect(read), TestContext.Current.CancellationToken);
        Assert.True(check.IsRight);
        Assert.Equal(file.ETag, check.Digest);
        Assert.Empty(check.Damaged);
        Assert.Equal(WeightsBytes, read[^1]);
        Assert.Equal(read.Order(), read);
    }

    [Fact]
    public async Task DamagedChunksAreFoundAndFetchedAlone()
    {
        (PlannedFile file, string blob, DownloadPlan plan) = await InstallAsync();
        Change(blob, content =>
        {
            content[(5 * Chunk) + 1] ^= 1;
            content[6 * Chunk] ^= 1;
            content[^1] ^= 1;
        });
        BlobCheckResult check = await CheckAsync(file, blob);
        Assert.False(check.IsRight);
        Assert.NotEqual(file.ETag, check.Digest);
        long last = WeightsBytes / Chunk * Chunk;
        Assert.Equal([(5L * Chunk, 7L * Chunk), (last, WeightsBytes)], check.Damaged);

        _network.Requests.Clear();
        await RepairAsync(file, blob, plan, check);
        Assert.Equal(check.DamagedBytes, _network.AskedBytes);
        AssertRight(blob);
        Assert.True((await CheckAsync(file, blob)).IsRight);
    }

    [Fact]
    public async Task MissingTailIsFetched()
    {
        (PlannedFile file, string blob, DownloadPlan plan) = await InstallAsync();
        using (FileStream cut = File.OpenWrite(blob))
            cut.SetLength((20 * Chunk) + 5);
        BlobCheckResult check = await CheckAsync(file, blob);
        Assert.Equal([(20L * Chunk, WeightsBytes)], check.Damaged);
        _network.Requests.Clear();
        await RepairAsync(file, blob, plan, check);
        Assert.Equal(WeightsBytes - (20L * Chunk), _network.AskedBytes);
        AssertRight(blob);
    }

    [Fact]
    public async Task WithoutARecordTheTailAloneIsTriedFirst()
    {
        (PlannedFile file, string blob, DownloadPlan plan) = await InstallAsync();
        File.Delete(BlobFiles.Record(blob));
        Change(blob, content => content[100] ^= 1);
        Assert.Equal([(0L, WeightsBytes)], (await CheckAsync(file, blob)).Damaged);
        using (FileStream cut = File.OpenWrite(blob))
            cut.SetLength(6 << 20);
        // Cut off, and damaged before: the tail does not make it right, so that everything is fetched.
        BlobCheckResult check = await CheckAsync(file, blob);
        Assert.Equal([(6L << 20, WeightsBytes)], check.Damaged);
        _network.Requests.Clear();
        await RepairAsync(file, blob, plan, check);
        Assert.Equal(WeightsBytes - (6L << 20) + WeightsBytes, _network.AskedBytes);
        AssertRight(blob);
    }

    [Fact]
    public async Task FileThatIsTooLongIsCut()
    {
        (PlannedFile file, string blob, DownloadPlan plan) = await InstallAsync();
        await File.AppendAllTextAsync(blob, "more", TestContext.Current.CancellationToken);
        BlobCheckResult check = await CheckAsync(file, blob);
        Assert.False(check.IsRight);
        Assert.Empty(check.Damaged);
        _network.Requests.Clear();
        await RepairAsync(file, blob, plan, check);
        Assert.Empty(_network.Requests);
        AssertRight(blob);
    }

    [Fact]
    public async Task RepairThatFailsLeavesNothingUnderTheFinalNameAndIsContinued()
    {
        (PlannedFile file, string blob, DownloadPlan plan) = await InstallAsync();
        Change(blob, content => content[5 * Chunk] ^= 1);
        BlobCheckResult check = await CheckAsync(file, blob);
        var gone = new FaultHandler { Answer = (_, _) => FaultHandler.Status(System.Net.HttpStatusCode.NotFound, "EntryNotFound") };
        await Assert.ThrowsAsync<ModelOpsException>(() => RepairAsync(file, blob, plan, check, gone));
        Assert.False(File.Exists(blob));

        _network.Requests.Clear();
        using HubClient client = hub.Client(_network);
        await _temp.Store.InstallAsync(client, plan, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(Chunk, _network.AskedBytes);
        AssertRight(blob);
    }

    private static Task<BlobCheckResult> CheckAsync(PlannedFile file, string blob) =>
        BlobCheck.RunAsync(blob, file.ETag, file.Bytes, BlobFiles.Record(blob), null, TestContext.Current.CancellationToken);

    private async Task RepairAsync(PlannedFile file, string blob, DownloadPlan plan, BlobCheckResult check, FaultHandler? network = null)
    {
        using HubClient client = hub.Client(network ?? _network);
        var session = TransferSession.Start(_temp.Store.Options.Transfer, file.Bytes, null, client.Options);
        var download = new BlobDownload(client.OpenFile(plan.Repository, plan.Commit, file.Path), file, blob, session);
        await BlobRepair.RunAsync(blob, check, blob, download, TestContext.Current.CancellationToken);
    }

    private async Task<(PlannedFile File, string Blob, DownloadPlan Plan)> InstallAsync()
    {
        using HubClient client = hub.Client();
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        await _temp.Store.InstallAsync(client, plan);
        PlannedFile file = plan.Files.Single(file => file.Path == "model.safetensors");
        return (file, new StoreLayout(_temp.Directory).Blob(Repository, file.ETag), plan);
    }

    private static void Change(string blob, Action<byte[]> change)
    {
        byte[] content = File.ReadAllBytes(blob);
        change(content);
        File.WriteAllBytes(blob, content);
    }

    private static void AssertRight(string blob) => Assert.Equal(File.ReadAllBytes(HubFixture.LocalFile(Repository, "model.safetensors")), File.ReadAllBytes(blob));

    private sealed class Collect(List<long> into) : IProgress<long>
    {
        public void Report(long value) => into.Add(value);
    }
}
