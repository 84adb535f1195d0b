using System.Net;
using ModelOps.Tests.Hub;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>Every byte against the digest that it was published with.</summary>
public sealed class VerifierTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Repository = HubFixture.Gemma;
    private readonly TempStore _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task FlippedBitIsFound()
    {
        InstalledModel model = await InstallAsync(_temp.Store);
        ModelVerification good = await VerifyAsync();
        Assert.Equal(VerificationState.Valid, good.State);
        Assert.Equal((model.Bytes, model.Files.Count), (good.Bytes, good.Files.Count));
        Assert.All(good.Files, file => Assert.NotNull(file.Digest));

        string weights = Blob(model, "model.safetensors");
        Flip(weights, 1_234_567);
        ModelVerification bad = await VerifyAsync();
        Assert.Equal(VerificationState.Damaged, bad.State);
        Assert.Equal("model.safetensors", Assert.Single(bad.Broken).Path);
        Assert.Equal(model.Bytes - new FileInfo(weights).Length, bad.Bytes);
    }

    [Fact]
    public async Task MissingBlobIsFound()
    {
        InstalledModel model = await InstallAsync(_temp.Store);
        string etag = Path.GetFileName(Blob(model, "tokenizer.model"));
        File.Delete(Blob(model, "tokenizer.model"));
        ModelVerification result = await VerifyAsync();
        VerifiedFile missing = Assert.Single(result.Broken);
        Assert.Equal(("tokenizer.model", VerificationState.Missing, etag), (missing.Path, missing.State, missing.Digest));
    }

    [Fact]
    public async Task WithoutLinksTheRecordIsAsked()
    {
        ModelStore store = _temp.With(options => options with { Symlinks = false });
        InstalledModel model = await InstallAsync(store);
        Assert.Equal(VerificationState.Valid, (await VerifyAsync()).State);
        Flip(Path.Combine(model.Path, "config.json"), 3);
        Assert.Equal("config.json", Assert.Single((await VerifyAsync()).Broken).Path);
    }

    [Fact]
    public async Task WithoutARecordTheHubIsAskedAndWithoutAHubItCannotBeSaid()
    {
        InstalledModel model = await InstallAsync(_temp.With(options => options with { Symlinks = false }));
        Directory.Delete(Path.Combine(_temp.Directory, "models--modelops--demo-gemma-qat", ".modelops"), recursive: true);
        Assert.Equal(VerificationState.Unverifiable, (await VerifyAsync()).State);
        var down = new FaultHandler { Answer = (_, _) => FaultHandler.Status(HttpStatusCode.NotFound) };
        using (HubClient gone = hub.Client(down))
            Assert.All((await VerifyAsync(gone)).Files, file => Assert.NotNull(file.Reason));
        using HubClient client = hub.Client();
        Assert.Equal(VerificationState.Valid, (await VerifyAsync(client)).State);
        Flip(Path.Combine(model.Path, "model.safetensors"), 5);
        Assert.Equal("model.safetensors", Assert.Single((await VerifyAsync(client)).Broken).Path);
    }

    /// <summary>huggingface_hub's own listing of a commit, in its format.</summary>
    [Fact]
    public async Task ListingOfOtherToolsCounts()
    {
        _temp.Add($"models--o--r/snapshots/{HandmadeCache.Main}/m-Q4_0.gguf", "weights");
        _temp.Add($"models--o--r/snapshots/{HandmadeCache.Main}/config.json", "{}");
        string tree = _temp.Add($"models--o--r/trees/{HandmadeCache.Main}.json", "cut off");
        Assert.Equal(VerificationState.Unverifiable, (await VerifyAsync()).State);
        await File.WriteAllTextAsync(tree, $$"""
            {"format_version": 1, "files": {
              "m-Q4_0.gguf": {"size": 7, "blob_id": "{{new string('0', 40)}}", "lfs_sha256": "{{HandmadeCache.Sha256("weights")}}", "lfs_size": 7, "xet_hash": null},
              "config.json": {"size": 2, "blob_id": "{{HandmadeCache.GitSha1("{}")}}" } } }
            """, TestContext.Current.CancellationToken);
        Assert.Equal(VerificationState.Valid, (await VerifyAsync()).State);
    }

    [Fact]
    public async Task VerifyingIsNoUseAndSharedContentIsReadOnce()
    {
        InstalledModel model = await InstallAsync(_temp.Store);
        string weights = Blob(model, "model.safetensors");
        DateTime longAgo = DateTime.UtcNow.AddDays(-100);
        File.SetLastWriteTimeUtc(weights, longAgo);
        File.SetLastAccessTimeUtc(weights, longAgo);
        var verifier = new StoreVerifier(_temp.Store.Options);
        var reports = new List<VerificationProgress>();
        var progress = new Receiver(reports.Add);
        await verifier.VerifyAsync(Installed(), progress, TestContext.Current.CancellationToken);
        Assert.Equal(longAgo, File.GetLastAccessTimeUtc(weights), TimeSpan.FromSeconds(1));
        Assert.Equal(model.Bytes, reports[^1].BytesDone);
        int count = reports.Count;
        await verifier.VerifyAsync(Installed(), progress, TestContext.Current.CancellationToken);
        Assert.Equal(count, reports.Count);
    }

    [Fact]
    public async Task CancellationStopsIt()
    {
        await InstallAsync(_temp.Store);
        using var stop = new CancellationTokenSource();
        var progress = new Receiver(_ => stop.Cancel());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new StoreVerifier(_temp.Store.Options).VerifyAsync(Installed(), progress, stop.Token));
    }

    private async Task<InstalledModel> InstallAsync(ModelStore store)
    {
        using HubClient client = hub.Client();
        return await store.InstallAsync(client, await store.PlanInstallAsync(client, Repository));
    }

    private InstalledModel Installed() => StoreInventory.Read(_temp.Store.Options).Models.MaxBy(model => model.Files.Count)!;

    private async Task<ModelVerification> VerifyAsync(HubClient? client = null)
    {
        ModelVerification[] results = await Task.WhenAll(StoreInventory.Read(_temp.Store.Options).Models.Select(model => new StoreVerifier(_temp.Store.Options, client).VerifyAsync(model)));
        return Assert.Single(results);
    }

    private static string Blob(InstalledModel model, string path) => new FileInfo(Path.Combine(model.Path, path)).ResolveLinkTarget(returnFinalTarget: true)!.FullName;

    private static void Flip(string path, int position)
    {
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = position;
        int value = file.ReadByte();
        file.Position = position;
        file.WriteByte((byte)(value ^ 1));
    }

    private sealed class Receiver(Action<VerificationProgress> receive) : IProgress<VerificationProgress>
    {
        public void Report(VerificationProgress value) => receive(value);
    }
}
