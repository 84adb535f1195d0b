using System.Net;
using ModelOps.Tests.Hub;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>The cache's layout, and what is refused.</summary>
public sealed class ModelStoreTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Repository = HubFixture.Gemma;
    private const string Folder = "models--modelops--demo-gemma-qat";
    private readonly TempStore _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task LayoutIsTheHubCaches()
    {
        using HubClient client = hub.Client();
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        InstalledModel model = await _temp.Store.InstallAsync(client, plan);

        Assert.Equal(Path.Combine(_temp.Directory, Folder, "snapshots", plan.Commit), model.Path);
        Assert.Equal(plan.Commit, File.ReadAllText(Path.Combine(_temp.Directory, Folder, "refs", "main")));
        Assert.True(File.Exists(Path.Combine(_temp.Directory, "CACHEDIR.TAG")));
        Assert.Equal(
            [.. plan.Files.Select(file => $"{Folder}/blobs/{file.ETag}").Concat(plan.Files.Select(file => $"{Folder}/snapshots/{plan.Commit}/{file.Path}")).Append($"{Folder}/refs/main").Order(StringComparer.Ordinal)],
            _temp.Entries());
        if (!OperatingSystem.IsWindows())
        {
            foreach (PlannedFile file in plan.Files)
                Assert.Equal($"../../blobs/{file.ETag}", new FileInfo(Path.Combine(model.Path, file.Path)).LinkTarget);
        }
    }

    [Fact]
    public async Task WithoutLinksTheFilesStandInTheSnapshot()
    {
        using HubClient client = hub.Client();
        ModelStore store = _temp.With(options => options with { Symlinks = false });
        DownloadPlan plan = await store.PlanInstallAsync(client, Repository);
        InstalledModel model = await store.InstallAsync(client, plan);
        TempStore.AssertSameContent(Repository, model);
        Assert.All(model.Files, file => Assert.Null(new FileInfo(Path.Combine(model.Path, file.Path)).LinkTarget));
        Assert.DoesNotContain(_temp.Entries(), entry => entry.Contains("/blobs/"));
        Assert.Equal(model.Path, Assert.Single(store.GetModels()).Path);
        Assert.Equal(0, (await store.PlanInstallAsync(client, Repository)).BytesToFetch);
        // Nothing is there to link to, and nothing is missing.
        await _temp.Store.InstallAsync(client, plan);
        TempStore.AssertSameContent(Repository, model);
    }

    [Fact]
    public async Task WhatIsThereIsNotWrittenTo()
    {
        using HubClient client = hub.Client();
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        await _temp.Store.InstallAsync(client, plan);
        // Made again by whoever gets ready to write.
        Directory.Delete(Path.Combine(_temp.Directory, ".locks"), recursive: true);
        await _temp.Store.InstallAsync(client, await _temp.Store.PlanInstallAsync(client, Repository));
        Assert.False(Directory.Exists(Path.Combine(_temp.Directory, ".locks")));
    }

    [Fact]
    public async Task InstalledByItsCommitItIsThereOfflineAndMainStaysUnknown()
    {
        using HubClient client = hub.Client();
        string commit = (await _temp.Store.PlanInstallAsync(client, Repository)).Commit;
        await _temp.Store.InstallAsync(client, await _temp.Store.PlanInstallAsync(client, Repository, revision: commit));
        using HubClient offline = hub.Client(null, options => options with { Offline = true });
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(offline, Repository);
        Assert.Equal((commit, 0), (plan.Commit, plan.BytesToFetch));
        await _temp.Store.InstallAsync(offline, plan);
        Assert.DoesNotContain(_temp.Entries(), entry => entry.Contains("/refs/"));
    }

    [Fact]
    public async Task InstalledModelIsListedWithItsDigests()
    {
        using HubClient client = hub.Client();
        await _temp.Store.InstallAsync(client, await _temp.Store.PlanInstallAsync(client, Repository));
        InstalledModel model = Assert.Single(_temp.Store.GetModels());
        Assert.Equal((Repository, "safetensors", ModelKind.Checkpoint), (model.Repository, model.Variant, model.Kind));
        Assert.Equal(["model.safetensors", "tokenizer.model"], model.Files.Where(file => file.Sha256 is not null).Select(file => file.Path).Order());
        Assert.Equal(ModelKind.Checkpoint, _temp.Store.Resolve(Repository).Kind);
    }

    [Fact]
    public async Task UnknownVariantNamesTheOthers()
    {
        using HubClient client = hub.Client();
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => _temp.Store.PlanInstallAsync(client, Repository, "Q4_K_M"));
        Assert.Equal(ErrorKind.VariantNotFound, e.Kind);
        Assert.Contains("safetensors", e.Hint);
    }

    [Theory]
    [InlineData("../../../evil-Q4_0.gguf")]
    [InlineData("/tmp/evil-Q4_0.gguf")]
    [InlineData("..\\\\..\\\\evil-Q4_0.gguf")]
    [InlineData("C:/evil-Q4_0.gguf")]
    [InlineData("NUL.gguf")]
    public async Task HostilePathIsRefusedBeforeTheFirstByte(string path)
    {
        var network = new FaultHandler
        {
            Answer = (request, _) => request.Address.AbsolutePath.Contains("/tree/")
                ? new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent($$"""[{"type":"file","path":"{{path}}","size":5,"oid":"{{new string('a', 40)}}"}]""") }
                : null,
        };
        using HubClient client = hub.Client(network);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => _temp.Store.PlanInstallAsync(client, Repository));
        Assert.Equal(ErrorKind.CorruptFile, e.Kind);
        Assert.Empty(_temp.Entries());
    }

    [Fact]
    public async Task PlanFromElsewhereIsNotTrusted()
    {
        using HubClient client = hub.Client();
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, Repository);
        PlannedFile file = plan.Files[0];
        DownloadPlan[] forged =
        [
            plan with { Directory = Path.GetTempPath() },
            plan with { Commit = "../../.." },
            plan with { Repository = "../x" },
            plan with { Revision = "../../x" },
            plan with { Files = [file with { Path = "../x" }] },
            plan with { Files = [file with { ETag = "../../../x" }] },
            plan with { Files = [] },
        ];
        foreach (DownloadPlan bad in forged)
            await Assert.ThrowsAsync<ModelOpsException>(() => _temp.Store.InstallAsync(client, bad));
        Assert.Empty(_temp.Entries());
    }

    [Fact]
    public async Task LinkInACircleIsToldAsOne()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        string circle = Path.Combine(_temp.Directory, "circle");
        File.CreateSymbolicLink(circle, "circle");
        ModelStore store = _temp.With(options => options with { Directory = circle });
        using HubClient client = hub.Client();
        DownloadPlan plan = await store.PlanInstallAsync(client, Repository);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => store.InstallAsync(client, plan));
        Assert.Equal(ErrorKind.StoreNotWritable, e.Kind);
        Assert.Contains("circle", e.Hint);
        Assert.Empty(store.GetModels());
    }

    [Fact]
    public void FolderComesFromTheSharedVariables()
    {
        string home = OperatingSystem.IsWindows() ? "USERPROFILE" : "HOME";
        string user = Path.Combine(Path.GetTempPath(), "user");
        string Cache(params (string Name, string Value)[] variables) => StoreOptions.FromEnvironment(name => variables.FirstOrDefault(variable => variable.Name == name).Value).Directory;
        Assert.Equal(Path.Combine(user, ".cache", "huggingface", "hub"), Cache((home, user)));
        Assert.Equal(Path.Combine("x", "huggingface", "hub"), Cache((home, user), ("XDG_CACHE_HOME", "x")));
        Assert.Equal(Path.Combine("h", "hub"), Cache((home, user), ("XDG_CACHE_HOME", "x"), ("HF_HOME", "h")));
        Assert.Equal(Path.Combine(user, "h", "hub"), Cache((home, user), ("HF_HOME", "~/h")));
        Assert.Equal("c", Cache((home, user), ("HF_HOME", "h"), ("HF_HUB_CACHE", "c")));
        Assert.Equal("old", Cache((home, user), ("HF_HOME", "h"), ("HUGGINGFACE_HUB_CACHE", "old")));
    }
}
