using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>What is listed of caches as other tools, and accidents, leave them.</summary>
public sealed class InventoryTests : IDisposable
{
    private const string Old = HandmadeCache.Old;
    private const string Main = HandmadeCache.Main;
    private readonly TempStore _temp = new();
    private readonly HandmadeCache _cache;

    public InventoryTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        _cache = new HandmadeCache(_temp);
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void SharedBlobCountsForNobody()
    {
        _cache.File(Old, "m-Q4_0.gguf", "same in both");
        _cache.File(Old, "m-Q8_0.gguf", "old only");
        _cache.File(Main, "m-Q4_0.gguf", "same in both");
        _cache.Reference("main", Main);
        _cache.Reference("refs/pr/1", Main);
        StoreInventory inventory = Read();

        Assert.Equal("same in both".Length + "old only".Length, inventory.Bytes);
        InstalledModel current = inventory.Models.Single(model => model.Commit == Main);
        Assert.Equal((12, 0, true), (current.Bytes, current.UniqueBytes, current.IsCurrent));
        Assert.Equal(["main", "refs/pr/1"], current.References);
        InstalledModel only = inventory.Models.Single(model => model.Variant == "Q8_0");
        Assert.Equal((8, 8, false), (only.Bytes, only.UniqueBytes, only.IsCurrent));
        Assert.Empty(only.References);
    }

    [Fact]
    public void UniqueBytesAreWhatRemovingFrees()
    {
        _cache.File(Old, "m-Q4_0.gguf", "same in both");
        _cache.File(Old, "config.json", "{\"a\":1}");
        _cache.File(Old, "model.safetensors", "weights of old");
        _cache.File(Main, "m-Q4_0.gguf", "same in both");
        _cache.File(Main, "model.safetensors", "weights of new");
        _cache.File(Main, "config.json", "{\"a\":1}");
        _cache.File(Main, "copy/m-Q5_0.gguf", "same in both");
        foreach (InstalledModel model in Read().Models)
            Assert.Equal(model.UniqueBytes, new StoreCleaner(_temp.Store.Options).PlanRemoval([model]).Bytes);
        Assert.Contains(Read().Models, model => model.UniqueBytes == "weights of new".Length);
    }

    [Fact]
    public void IncompleteModelsAreThereWhenAskedFor()
    {
        _cache.File(Main, "m-Q8_0-00001-of-00003.gguf", "first");
        _cache.File(Main, "m-Q8_0-00003-of-00003.gguf", "third");
        _cache.File(Main, "config.json", "{}");
        string weights = _cache.File(Main, "model.safetensors", "gone");
        File.Delete(_cache.Blob(weights));
        Assert.Empty(_temp.Store.GetModels());

        StoreInventory inventory = Read();
        InstalledModel shards = inventory.Models.Single(model => model.Kind == ModelKind.Gguf);
        Assert.Equal(("Q8_0", false, 10L), (shards.Variant, shards.IsComplete, shards.Bytes));
        Assert.Equal(["m-Q8_0-00002-of-00003.gguf"], shards.MissingFiles);
        Assert.Equal(["model.safetensors"], inventory.Models.Single(model => model.Kind == ModelKind.Checkpoint).MissingFiles);
        Assert.Contains(inventory.Notes, note => note.Path.EndsWith("model.safetensors", StringComparison.Ordinal));
    }

    [Fact]
    public void BrokenCacheIsNotedAndTheRestListed()
    {
        _cache.File(Main, "m-Q4_0.gguf", "good");
        string snapshot = Path.GetDirectoryName(_cache.Name(Main, "x"))!;
        File.CreateSymbolicLink(Path.Combine(snapshot, "circle.gguf"), "circle.gguf");
        Directory.CreateSymbolicLink(Path.Combine(snapshot, "loop"), snapshot);
        Directory.CreateSymbolicLink(Path.Combine(_cache.Folder, "snapshots", Old), snapshot);
        _cache.Reference("main", "not a commit");
        _temp.Add("models--o--r/refs/tag", new string('x', 5000));
        _temp.Add("models--o--r/blobs/stray.txt");
        _temp.Add("models--o--r/blobs/.DS_Store");
        _temp.Add("models--o--r/stray.txt");
        _temp.Add("models--o--empty/refs/main", Main);
        _temp.Add("models--o--file");
        _temp.Add("models--");
        _temp.Add("stray");

        StoreInventory inventory = Read();
        Assert.Equal("Q4_0", Assert.Single(inventory.Models).Variant);
        Assert.Equal(
            ["blobs/stray.txt", "refs/main", "refs/tag", $"snapshots/{Old}", $"snapshots/{Main}/circle.gguf", $"snapshots/{Main}/loop"],
            inventory.Notes.Where(note => note.Repository == "o/r").Select(note => Path.GetRelativePath(_cache.Folder, note.Path).Replace('\\', '/')).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void UnfinishedDownloadsAreCountedByWhatArrived()
    {
        _cache.File(Main, "m-Q4_0.gguf", "good");
        _temp.Add($"models--o--r/blobs/{HandmadeCache.Sha256("a")}.0123abcd.incomplete", "half");
        // Ours has its final length from the start; without a record of what arrived nothing did.
        _temp.Add($"models--o--r/blobs/{HandmadeCache.Sha256("b")}.modelops.incomplete", new string('\0', 1000));
        StoreInventory inventory = Read();
        Assert.Equal((4, 4), (inventory.Bytes, inventory.UnfinishedBytes));
    }

    private StoreInventory Read() => StoreInventory.Read(_temp.Store.Options);
}
