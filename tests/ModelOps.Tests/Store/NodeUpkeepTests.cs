using System.Text.Json;
using ModelOps.Tests.Hub;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>A cache that npm's @huggingface/hub wrote, looked after by us, and read by it afterwards without a warning.</summary>
public sealed class NodeUpkeepTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Old = HandmadeCache.Old;
    private readonly TempStore _temp = new();

    private StoreCleaner Cleaner => new(_temp.Store.Options);

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task ForeignCacheIsVerifiedRepairedAndCleaned()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        (string node, string folder) = await NodePackages.RestoreAsync();
        foreach (string repository in (string[])[HubFixture.Gemma, HubFixture.Llama])
            await NodePackages.RunAsync(node, folder, "snapshot.mjs", hub.Endpoint.AbsoluteUri.TrimEnd('/'), repository, _temp.Directory);
        using HubClient client = hub.Client();
        StoreInventory inventory = StoreInventory.Read(_temp.Store.Options);
        Assert.Equal(2, inventory.Models.Count);
        Assert.Empty(inventory.Notes);
        Assert.All(inventory.Models, model => Assert.True(model.IsCurrent));
        var verifier = new StoreVerifier(_temp.Store.Options, client);
        foreach (InstalledModel model in inventory.Models)
            Assert.Equal(VerificationState.Valid, (await verifier.VerifyAsync(model)).State);

        // Damaged, and repaired.
        InstalledModel gemma = inventory.Models.Single(model => model.Repository == HubFixture.Gemma);
        string weights = new FileInfo(Path.Combine(gemma.Path, "model.safetensors")).ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        byte[] content = await File.ReadAllBytesAsync(weights, TestContext.Current.CancellationToken);
        content[123_456] ^= 1;
        await File.WriteAllBytesAsync(weights, content, TestContext.Current.CancellationToken);
        ModelVerification damaged = await new StoreVerifier(_temp.Store.Options, client).VerifyAsync(gemma);
        Assert.Equal("model.safetensors", Assert.Single(damaged.Broken).Path);
        var repair = new StoreRepair(_temp.Store.Options, client);
        await repair.RunAsync(await repair.PlanAsync(damaged));
        TempStore.AssertSameContent(HubFixture.Gemma, gemma);

        // What piles up in such a cache: an old commit, garbage, a link to a blob that is gone, which its reader stumbles over.
        var cache = new HandmadeCache(_temp, "models--modelops--demo-gemma-qat");
        cache.File(Old, "m-Q4_0.gguf", "old weights");
        cache.File(gemma.Commit, "extra-Q4_0.gguf", "more weights");
        string lost = cache.File(gemma.Commit, "lost.bin", "lost");
        File.Delete(cache.Blob(lost));
        _temp.Add($"models--modelops--demo-gemma-qat/blobs/{new string('a', 64)}", "garbage");
        Assert.NotEmpty((await ScanAsync(node, folder)).Warnings);
        Cleaner.Run(Cleaner.PlanCleaning());
        Assert.Equal([$"{HubFixture.Gemma} {Old}", $"{HubFixture.Gemma} {gemma.Commit} main", $"{HubFixture.Llama} {Commit(HubFixture.Llama)} main"], await ScannedAsync(node, folder));
        Cleaner.Run(Cleaner.PlanCleaning(new CleaningOptions { OldRevisions = true }));
        Assert.Equal([$"{HubFixture.Gemma} {gemma.Commit} main", $"{HubFixture.Llama} {Commit(HubFixture.Llama)} main"], await ScannedAsync(node, folder));

        // One variant, then a whole model.
        InstalledModel extra = _temp.Store.GetModels().Single(model => model.Kind == ModelKind.Gguf);
        Cleaner.Run(Cleaner.PlanRemoval([extra]));
        Assert.Equal([$"{HubFixture.Gemma} {gemma.Commit} main", $"{HubFixture.Llama} {Commit(HubFixture.Llama)} main"], await ScannedAsync(node, folder));
        Cleaner.Run(Cleaner.PlanRemoval(_temp.Store.GetModels().Where(model => model.Repository == HubFixture.Gemma).ToList()));
        Assert.Equal([$"{HubFixture.Llama} {Commit(HubFixture.Llama)} main"], await ScannedAsync(node, folder));
        TempStore.AssertSameContent(HubFixture.Llama, Assert.Single(_temp.Store.GetModels()));
    }

    private string Commit(string repository) => _temp.Store.GetModels().First(model => model.Repository == repository).Commit;

    private async Task<string[]> ScannedAsync(string node, string folder)
    {
        (string[] warnings, string[] repositories) = await ScanAsync(node, folder);
        Assert.Empty(warnings);
        return repositories;
    }

    private async Task<(string[] Warnings, string[] Repositories)> ScanAsync(string node, string folder)
    {
        using JsonDocument seen = JsonDocument.Parse(await NodePackages.RunAsync(node, folder, "scan.mjs", _temp.Directory));
        return (
            [.. seen.RootElement.GetProperty("warnings").EnumerateArray().Select(warning => warning.GetString()!)],
            [.. seen.RootElement.GetProperty("repos").EnumerateArray()
                .Select(found => string.Join(' ', (string[])[found.GetProperty("name").GetString()!, found.GetProperty("commit").GetString()!, .. found.GetProperty("refs").EnumerateArray().Select(name => name.GetString()!)]))
                .Order(StringComparer.Ordinal)]);
    }
}
