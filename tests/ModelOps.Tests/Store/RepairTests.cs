using ModelOps.Tests.Hub;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>Only what is broken travels: counted by what was asked of the server.</summary>
public sealed class RepairTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Repository = HubFixture.Gemma;
    private const string Weights = "model.safetensors";
    private readonly TempStore _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task OnlyDamagedPartsTravel(bool symlinks)
    {
        ModelStore store = _temp.With(options => options with { Symlinks = symlinks });
        InstalledModel model = await InstallAsync(store);
        string content = Content(model, Weights);
        Flip(content, 100_000);
        Flip(content, 3_000_000);
        Flip(content, 3_000_001);

        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        ModelVerification broken = await VerifyAsync(store, client);
        Assert.Equal(0, network.AskedBytes);
        var repair = new StoreRepair(store.Options, client);
        RepairPlan plan = await repair.PlanAsync(broken);
        Assert.Equal(2 * TempStore.ChunkBytes, plan.BytesToFetch);
        Assert.Equal(Weights, Assert.Single(plan.Files).Path);
        Assert.Equal(0, network.AskedBytes);
        await repair.RunAsync(plan);
        Assert.Equal(plan.BytesToFetch, network.AskedBytes);
        TempStore.AssertSameContent(Repository, model);
        Assert.Equal(VerificationState.Valid, broken.After(plan).State);
        Assert.Equal(VerificationState.Valid, (await VerifyAsync(store, client)).State);
        Assert.Equal(symlinks, new FileInfo(Path.Combine(model.Path, Weights)).LinkTarget is not null);
    }

    [Fact]
    public async Task CutOffFileIsFilledUp()
    {
        InstalledModel model = await InstallAsync(_temp.Store);
        using (FileStream file = File.Open(Content(model, Weights), FileMode.Open))
            file.SetLength((10 * TempStore.ChunkBytes) + 5);
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        RepairPlan plan = await RepairAsync(client);
        Assert.Equal(plan.Files[0].Bytes - (10 * TempStore.ChunkBytes), plan.BytesToFetch);
        Assert.Equal(plan.BytesToFetch, network.AskedBytes);
        TempStore.AssertSameContent(Repository, model);
    }

    [Fact]
    public async Task MissingFilesAreFetched()
    {
        InstalledModel model = await InstallAsync(_temp.Store);
        long bytes = new FileInfo(Content(model, "tokenizer.model")).Length;
        File.Delete(Content(model, "tokenizer.model"));
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        RepairPlan plan = await RepairAsync(client);
        Assert.Equal((bytes, VerificationState.Missing), (plan.BytesToFetch, Assert.Single(plan.Files).State));
        Assert.Equal(bytes, network.AskedBytes);
        TempStore.AssertSameContent(Repository, model);
    }

    /// <summary>A cache of another tool has no checksums of parts: then the whole file, and only that one.</summary>
    [Fact]
    public async Task WithoutChecksumsTheWholeFileTravels()
    {
        InstalledModel model = await InstallAsync(_temp.Store);
        Directory.Delete(Path.Combine(_temp.Directory, "models--modelops--demo-gemma-qat", ".modelops"), recursive: true);
        Flip(Content(model, Weights), 7);
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        RepairPlan plan = await RepairAsync(client);
        Assert.Equal(new FileInfo(Content(model, Weights)).Length, plan.BytesToFetch);
        Assert.Equal(plan.BytesToFetch, network.AskedBytes);
        TempStore.AssertSameContent(Repository, model);
    }

    [Fact]
    public async Task StoppedRepairGoesOnAndNeverLeavesAWrongFileUnderItsName()
    {
        InstalledModel model = await InstallAsync(_temp.Store);
        string content = Content(model, Weights);
        Flip(content, 7);
        Flip(content, 5_000_000);
        var down = new FaultHandler { Answer = (request, _) => request.IsContent && request.Range?.Ranges.First().From > 1_000_000 ? FaultHandler.Status(System.Net.HttpStatusCode.NotFound) : null };
        using (HubClient client = hub.Client(down))
            await Assert.ThrowsAsync<ModelOpsException>(() => RepairAsync(client));
        Assert.False(File.Exists(content));
        Assert.Empty(_temp.Store.GetModels());
        var network = new FaultHandler();
        using HubClient again = hub.Client(network);
        await RepairAsync(again);
        Assert.InRange(network.AskedBytes, TempStore.ChunkBytes, 2 * TempStore.ChunkBytes);
        TempStore.AssertSameContent(Repository, model);
    }

    [Fact]
    public async Task SharedStoreIsNotRepaired()
    {
        InstalledModel model = await InstallAsync(_temp.Store);
        Flip(Content(model, Weights), 7);
        using var own = new TempStore();
        StoreOptions options = own.With(options => options with { SharedDirectories = [_temp.Directory] }).Options;
        using HubClient client = hub.Client();
        ModelVerification broken = await new StoreVerifier(options, client).VerifyAsync(Assert.Single(StoreInventory.Read(options).Models));
        Assert.Equal(VerificationState.Damaged, broken.State);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => new StoreRepair(options, client).PlanAsync(broken));
        Assert.Equal(ErrorKind.StoreNotWritable, e.Kind);
        Assert.NotNull(e.Hint);
    }

    private async Task<RepairPlan> RepairAsync(HubClient client)
    {
        var repair = new StoreRepair(_temp.Store.Options, client);
        RepairPlan plan = await repair.PlanAsync(await VerifyAsync(_temp.Store, client));
        await repair.RunAsync(plan);
        return plan;
    }

    private async Task<InstalledModel> InstallAsync(ModelStore store)
    {
        using HubClient client = hub.Client();
        return await store.InstallAsync(client, await store.PlanInstallAsync(client, Repository));
    }

    private static Task<ModelVerification> VerifyAsync(ModelStore store, HubClient client) =>
        new StoreVerifier(store.Options, client).VerifyAsync(Assert.Single(StoreInventory.Read(store.Options).Models));

    private static string Content(InstalledModel model, string path) =>
        new FileInfo(Path.Combine(model.Path, path)) is var file && file.ResolveLinkTarget(returnFinalTarget: true) is { } target ? target.FullName : file.FullName;

    private static void Flip(string path, int position)
    {
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = position;
        int value = file.ReadByte();
        file.Position = position;
        file.WriteByte((byte)(value ^ 1));
    }
}
