using ModelOps.Store;
using ModelOps.Tests.Hub;
using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>Between the last byte and the name: what others do to the store in that moment, and afterwards.</summary>
public sealed class NamingTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private readonly TempStore _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task ContentThatIsRemovedBeforeItHasItsNameIsMissed()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using HubClient client = hub.Client(null, options => options with { Time = TimeProvider.System });
        DownloadPlan plan = await _temp.Store.PlanInstallAsync(client, HubFixture.Llama, cancellationToken: cancellation);
        var layout = new StoreLayout(_temp.Directory);
        string[] blobs = [.. plan.Files.Select(file => layout.Blob(plan.Repository, file.ETag))];
        Task<InstalledModel> install;
        using (await BlobLock.AcquireAsync(layout.Lock(plan.Repository, plan.Commit), TimeProvider.System, cancellation))
        {
            install = _temp.Store.InstallAsync(client, plan, cancellationToken: cancellation);
            while (!blobs.All(File.Exists))
                await Task.Delay(20, cancellation);
            File.Delete(blobs[0]);
        }
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => install);
        Assert.Equal(ErrorKind.StoreInUse, e.Kind);
        Assert.Contains(plan.Files[0].Path, e.Message);
        // The same again brings what is missing.
        TempStore.AssertSameContent(plan.Repository, await _temp.Store.InstallAsync(client, plan, cancellationToken: cancellation));
    }

    [Fact]
    public async Task ChecksumsOfFilesWithoutLinksStay()
    {
        using HubClient client = hub.Client();
        ModelStore store = _temp.With(options => options with { Symlinks = false });
        await store.InstallAsync(client, await store.PlanInstallAsync(client, HubFixture.Llama));
        string[] records = Directory.GetFiles(_temp.Directory, "*.chunks", SearchOption.AllDirectories);
        Assert.NotEmpty(records);
        foreach (string record in records)
            HandmadeCache.MakeOld(record);
        Assert.Empty(new StoreCleaner(store.Options).PlanCleaning().Items);
    }
}
