using System.Security.Cryptography;
using ModelOps.Tests.Hub;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>A store that others look after, under the user's own: found, used, copied from, and never changed.</summary>
public sealed class SharedStoreTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Repository = HubFixture.Gemma;
    private const string Weights = "model.safetensors";
    private readonly TempStore _shared = new();
    private readonly TempStore _own = new();

    private ModelStore Layered => _own.With(options => options with { SharedDirectories = [_shared.Directory] });

    public void Dispose()
    {
        _shared.Dispose();
        _own.Dispose();
    }

    [Fact]
    public async Task WhatIsSharedIsUsedWhereItIs()
    {
        InstalledModel there = await InstallAsync(_shared.Store);
        string[] before = Tree();
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        DownloadPlan plan = await Layered.PlanInstallAsync(client, Repository);
        Assert.Equal((0L, true, there.Path), (plan.BytesToFetch, plan.IsShared, plan.Directory));
        InstalledModel model = await Layered.InstallAsync(client, plan);
        Assert.Equal((there.Path, true, _shared.Directory), (model.Path, model.IsShared, model.Store));
        Assert.Equal(0, network.AskedBytes);
        Assert.Empty(_own.Entries());
        Assert.Equal(there.Path, Layered.Resolve(Repository).Path);
        Assert.True(Assert.Single(Layered.GetModels()).IsShared);
        Assert.Equal(before, Tree());
        using HubClient offline = hub.Client(null, options => options with { Offline = true });
        Assert.True((await Layered.PlanInstallAsync(offline, Repository)).IsShared);
    }

    [Fact]
    public async Task SomeSharedFilesAreCopiedAndTheRestFetched()
    {
        InstalledModel there = await InstallAsync(_shared.Store);
        File.Delete(Path.Combine(there.Path, "config.json"));
        string[] before = Tree();
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        DownloadPlan plan = await Layered.PlanInstallAsync(client, Repository);
        // The blob of config.json is still there, so that all is copied, but for what we now take away.
        Assert.All(plan.Files, file => Assert.NotNull(file.CopyFrom));
        File.Delete(Directory.GetFiles(Path.Combine(_shared.Directory, "models--modelops--demo-gemma-qat", "blobs")).First(blob => !Directory.GetFiles(there.Path).Any(name => new FileInfo(name).LinkTarget!.EndsWith(Path.GetFileName(blob), StringComparison.Ordinal))));
        before = Tree();
        plan = await Layered.PlanInstallAsync(client, Repository);
        long config = plan.Files.Single(file => file.Path == "config.json").Bytes;
        Assert.Equal(config, plan.BytesToFetch);
        InstalledModel model = await Layered.InstallAsync(client, plan);
        Assert.All(network.Requests.Where(request => request.IsResolve), request => Assert.EndsWith("/config.json", request.Address.AbsolutePath));
        Assert.False(model.IsShared);
        TempStore.AssertSameContent(Repository, model);
        Assert.Equal(before, Tree());
        Assert.Equal(model.Path, Layered.Resolve(Repository).Path);
    }

    [Fact]
    public async Task DamagedSharedFileIsFetchedInstead()
    {
        InstalledModel there = await InstallAsync(_shared.Store);
        File.Delete(Path.Combine(there.Path, "config.json"));
        string weights = new FileInfo(Path.Combine(there.Path, Weights)).ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        byte[] content = await File.ReadAllBytesAsync(weights, TestContext.Current.CancellationToken);
        content[77] ^= 1;
        await File.WriteAllBytesAsync(weights, content, TestContext.Current.CancellationToken);
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        InstalledModel model = await Layered.InstallAsync(client, await Layered.PlanInstallAsync(client, Repository));
        Assert.Equal(content.Length, network.AskedBytes);
        TempStore.AssertSameContent(Repository, model);
    }

    [Fact]
    public async Task NothingIsEverChangedThere()
    {
        await InstallAsync(_shared.Store);
        _shared.Add($"models--modelops--demo-gemma-qat/blobs/{new string('a', 64)}");
        string[] before = Tree();
        StoreOptions options = Layered.Options;
        InstalledModel model = Assert.Single(Layered.GetModels());
        var cleaner = new StoreCleaner(options);
        Assert.Equal(ErrorKind.StoreNotWritable, Assert.Throws<ModelOpsException>(() => cleaner.PlanRemoval([model])).Kind);
        Assert.Equal(ErrorKind.ModelNotFound, Assert.Throws<ModelOpsException>(() => cleaner.PlanRemoval([], [Repository])).Kind);
        Assert.Empty(cleaner.PlanCleaning(new CleaningOptions { OldRevisions = true, UnusedFor = TimeSpan.Zero, PartialAge = TimeSpan.Zero }).Items);
        RemovalPlan theirs = new StoreCleaner(_shared.Store.Options).PlanCleaning();
        Assert.NotEmpty(theirs.Items);
        Assert.Equal(ErrorKind.StoreNotWritable, Assert.Throws<ModelOpsException>(() => cleaner.Run(theirs)).Kind);
        Assert.Throws<ModelOpsException>(() => cleaner.Run(theirs with { Store = _own.Directory }));
        Assert.Equal(VerificationState.Valid, (await new StoreVerifier(options).VerifyAsync(model)).State);
        Assert.Equal(before, Tree());
    }

    [Fact]
    public async Task OwnGoesFirst()
    {
        await InstallAsync(_shared.Store);
        InstalledModel own = await InstallAsync(_own.Store);
        Assert.Equal([false, true], Layered.GetModels().Select(model => model.IsShared).Order());
        Assert.Equal(own.Path, Layered.Resolve(Repository).Path);
        using HubClient client = hub.Client();
        Assert.False((await Layered.PlanInstallAsync(client, Repository)).IsShared);
    }

    [Fact]
    public void StoresThatAreNotThereAreNoError()
    {
        string list = string.Join(Path.PathSeparator, "/none/1", "", "~/shared", _shared.Directory, _shared.Directory, _own.Directory);
        string home = OperatingSystem.IsWindows() ? "USERPROFILE" : "HOME";
        StoreOptions options = StoreOptions.FromEnvironment(name => name == "MODELOPS_SHARED_STORE" ? list : name == home ? "/home/u" : null) with { Directory = _own.Directory };
        Assert.Equal(["/none/1", Path.Combine("/home/u", "shared"), _shared.Directory, _shared.Directory, _own.Directory], options.SharedDirectories);
        _shared.Add($"models--o--r/snapshots/{HandmadeCache.Main}/m-Q4_0.gguf");
        _own.Add($"models--o--r/snapshots/{HandmadeCache.Main}/m-Q4_0.gguf");
        Assert.Equal([false, true], new ModelStore(options).GetModels().Select(model => model.IsShared).Order());
    }

    private async Task<InstalledModel> InstallAsync(ModelStore store)
    {
        using HubClient client = hub.Client();
        return await store.InstallAsync(client, await store.PlanInstallAsync(client, Repository));
    }

    /// <summary>Every entry of the shared store with its content and times.</summary>
    private string[] Tree() =>
    [
        .. Directory.EnumerateFileSystemEntries(_shared.Directory, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => Directory.Exists(path) ? $"{path} {Directory.GetLastWriteTimeUtc(path):O}" : $"{path} {new FileInfo(path).LinkTarget} {File.GetLastWriteTimeUtc(path):O} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))}"),
    ];
}
