using ModelOps.Tests.Cli;
using ModelOps.Tests.Hub;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>Models in plain folders, and what an installed model needs no hub for.</summary>
public sealed class SaveTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Repository = HubFixture.Gemma;
    private readonly TempStore _temp = new();
    private readonly TemporaryFolder _folder = new();

    private string To => _folder.File("saved");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _temp.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task DownloadGoesToPlainFilesAndNowhereElse()
    {
        using HubClient client = hub.Client();
        SavePlan plan = await ModelSave.PlanAsync(_temp.Store, client, Repository, To, cancellationToken: Stop);
        Assert.Equal((plan.Bytes, 0), (plan.BytesToFetch, plan.BytesToCopy));
        Assert.False(Directory.Exists(To));
        SavedModel model = await ModelSave.RunAsync(_temp.Store, client, plan, null, Stop);

        AssertSaved(model);
        Assert.Empty(_temp.Entries());
        Assert.Equal(0, (await ModelSave.PlanAsync(_temp.Store, client, Repository, To, cancellationToken: Stop)).BytesToFetch);
    }

    [Fact]
    public async Task WhatTheStoreHasIsCopiedAndMayBeEdited()
    {
        using HubClient client = hub.Client();
        InstalledModel installed = await _temp.Store.InstallAsync(client, await _temp.Store.PlanInstallAsync(client, Repository, cancellationToken: Stop), null, Stop);
        var network = new FaultHandler();
        using HubClient counted = hub.Client(network);
        SavePlan plan = await ModelSave.PlanAsync(_temp.Store, counted, Repository, To, cancellationToken: Stop);
        Assert.Equal((0, plan.Bytes), (plan.BytesToFetch, plan.BytesToCopy));
        SavedModel model = await ModelSave.RunAsync(_temp.Store, counted, plan, null, Stop);
        Assert.DoesNotContain(network.Requests, request => request.IsResolve || request.IsContent);

        AssertSaved(model);
        File.AppendAllText(Path.Combine(To, "config.json"), " ");
        TempStore.AssertSameContent(Repository, installed);
    }

    [Fact]
    public async Task AFileIsNoFolderToSaveTo()
    {
        using HubClient client = hub.Client();
        File.WriteAllText(To, "mine");
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => ModelSave.PlanAsync(_temp.Store, client, Repository, To, cancellationToken: Stop));
        Assert.Equal((ErrorKind.InvalidArgument, $"'{To}' is not a folder."), (e.Kind, e.Message));
        Assert.Equal("mine", File.ReadAllText(To));
    }

    [Fact]
    public async Task OtherContentIsOnlyReplacedWhenAsked()
    {
        using HubClient client = hub.Client();
        Directory.CreateDirectory(To);
        string mine = Path.Combine(To, "config.json");
        File.WriteAllText(mine, "mine");
        File.WriteAllText(Path.Combine(To, "notes.txt"), "mine too");
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => ModelSave.PlanAsync(_temp.Store, client, Repository, To, cancellationToken: Stop));
        Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        Assert.Contains("config.json", e.Message);
        Assert.Equal("mine", File.ReadAllText(mine));
        Assert.Equal(2, Directory.GetFiles(To).Length);

        SavePlan plan = await ModelSave.PlanAsync(_temp.Store, client, Repository, To, overwrite: true, cancellationToken: Stop);
        Assert.Equal(["config.json"], plan.Files.Where(file => file.Replaces).Select(file => file.Path));
        await ModelSave.RunAsync(_temp.Store, client, plan, null, Stop);
        Assert.Equal(File.ReadAllBytes(HubFixture.LocalFile(Repository, "config.json")), File.ReadAllBytes(mine));
        Assert.Equal("mine too", File.ReadAllText(Path.Combine(To, "notes.txt")));
    }

    [Fact]
    public async Task StoppedDownloadIsContinued()
    {
        using HubClient client = hub.Client();
        SavePlan plan = await ModelSave.PlanAsync(_temp.Store, client, Repository, To, cancellationToken: Stop);
        using var stop = new CancellationTokenSource();
        var reports = new Reports(report =>
        {
            if (report.BytesDone > 2 << 20)
                stop.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ModelSave.RunAsync(_temp.Store, client, plan, reports, stop.Token));
        Assert.False(File.Exists(Path.Combine(To, "model.safetensors")));

        SavePlan rest = await ModelSave.PlanAsync(_temp.Store, client, Repository, To, cancellationToken: Stop);
        Assert.InRange(rest.BytesToFetch, 1, plan.BytesToFetch - 1);
        AssertSaved(await ModelSave.RunAsync(_temp.Store, client, rest, null, Stop));
    }

    [Fact]
    public async Task DamagedBlobIsNotSaved()
    {
        using HubClient client = hub.Client();
        InstalledModel installed = await _temp.Store.InstallAsync(client, await _temp.Store.PlanInstallAsync(client, Repository, cancellationToken: Stop), null, Stop);
        string weights = Path.Combine(installed.Path, "model.safetensors");
        using (FileStream blob = File.Open(weights, FileMode.Open, FileAccess.ReadWrite))
        {
            blob.Position = 1_000_000;
            blob.WriteByte((byte)(blob.ReadByte() ^ 1));
        }
        SavePlan plan = await ModelSave.PlanAsync(_temp.Store, client, Repository, To, cancellationToken: Stop);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => ModelSave.RunAsync(_temp.Store, client, plan, null, Stop));
        Assert.Equal(ErrorKind.ChecksumMismatch, e.Kind);
        Assert.DoesNotContain(Directory.GetFiles(To), file => file.Contains("model.safetensors"));
    }

    [Fact]
    public async Task InstalledModelNeedsNoHubInOfflineMode()
    {
        using HubClient online = hub.Client();
        InstalledModel installed = await _temp.Store.InstallAsync(online, await _temp.Store.PlanInstallAsync(online, Repository, cancellationToken: Stop), null, Stop);
        Assert.All(installed.Files, file => Assert.NotNull(file.Sha256));
        var network = new FaultHandler();
        using HubClient offline = hub.Client(network, options => options with { Offline = true });

        DownloadPlan plan = await _temp.Store.PlanInstallAsync(offline, Repository, cancellationToken: Stop);
        Assert.Equal((installed.Commit, 0), (plan.Commit, plan.BytesToFetch));
        InstalledModel again = await _temp.Store.InstallAsync(offline, plan, null, Stop);
        Assert.Equal(installed.Files.OrderBy(file => file.Path, StringComparer.Ordinal), again.Files.OrderBy(file => file.Path, StringComparer.Ordinal));
        AssertSaved(await ModelSave.RunAsync(_temp.Store, offline, await ModelSave.PlanAsync(_temp.Store, offline, Repository, To, cancellationToken: Stop), null, Stop));
        Assert.Empty(network.Requests);

        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => _temp.Store.PlanInstallAsync(offline, HubFixture.Llama, cancellationToken: Stop));
        Assert.Equal(ErrorKind.Offline, e.Kind);
        Assert.Contains("--from-bundle", e.Hint);
        await Assert.ThrowsAsync<ModelOpsException>(() => _temp.Store.PlanInstallAsync(offline, Repository, revision: "v2", cancellationToken: Stop));
    }

    [Fact]
    public async Task CommitOfAnInstalledModelNeedsNoHubAndAnUnreachableHubNamesTheWay()
    {
        using HubClient online = hub.Client();
        InstalledModel installed = await _temp.Store.InstallAsync(online, await _temp.Store.PlanInstallAsync(online, Repository, cancellationToken: Stop), null, Stop);
        using HubClient nobody = hub.Client(null, options => options with { Endpoint = new Uri(CliProcess.NoHub) });
        Assert.Equal(0, (await _temp.Store.PlanInstallAsync(nobody, Repository, installed.Variant, installed.Commit, cancellationToken: Stop)).BytesToFetch);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => _temp.Store.PlanInstallAsync(nobody, Repository, cancellationToken: Stop));
        Assert.Equal(ErrorKind.NetworkFailure, e.Kind);
        Assert.Contains("HF_HUB_OFFLINE=1", e.Hint);
    }

    private void AssertSaved(SavedModel model)
    {
        Assert.Equal(To, model.Path);
        Assert.Equal(model.Files.Select(file => file.Path).Order(StringComparer.Ordinal), Directory.GetFiles(To).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
        Assert.All(model.Files, file =>
        {
            string path = Path.Combine(To, file.Path);
            Assert.Null(new FileInfo(path).LinkTarget);
            Assert.Equal(File.ReadAllBytes(HubFixture.LocalFile(Repository, file.Path)), File.ReadAllBytes(path));
            Assert.NotNull(file.Sha256);
        });
    }
}
