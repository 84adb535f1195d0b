using System.Diagnostics;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>What goes with a model, what stays, and in which order.</summary>
public sealed class RemovalTests : IDisposable
{
    private const string Old = HandmadeCache.Old;
    private const string Main = HandmadeCache.Main;
    private readonly TempStore _temp = new();
    private readonly HandmadeCache _cache;

    public RemovalTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        _cache = new HandmadeCache(_temp);
        _cache.Reference("main", Main);
        _cache.Reference("v1", Old);
    }

    private StoreCleaner Cleaner => new(_temp.Store.Options);

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void AProjectorIsListedWithItsModelsAndGoesWithTheLast()
    {
        _cache.File(Main, "m-Q4_0.gguf", "small");
        _cache.File(Main, "m-Q8_0.gguf", "larger");
        string projector = _cache.File(Main, "mmproj-m-F16.gguf", "eyes");
        string unknown = _cache.File(Main, "voice.bin", "not ours");

        InstalledModel model = Model(Main, "Q8_0");
        Assert.Equal(["m-Q8_0.gguf", "mmproj-m-F16.gguf"], model.Files.Select(file => file.Path));
        Assert.Equal("larger".Length + "eyes".Length, model.Bytes);
        Cleaner.Run(Cleaner.PlanRemoval([model]));
        Assert.True(File.Exists(_cache.Blob(projector)));
        // Something else keeps the commit alive, but not the projector.
        Cleaner.Run(Cleaner.PlanRemoval([Model(Main, "Q4_0")]));
        Assert.Equal([unknown], Directory.GetFiles(_cache.Blobs).Select(Path.GetFileName));
    }

    [Fact]
    public void WhatOthersNeedStays()
    {
        string shared = _cache.File(Old, "m-Q4_0.gguf", "same in both");
        _cache.File(Main, "m-Q4_0.gguf", "same in both");
        string own = _cache.File(Main, "m-Q8_0.gguf", "only here");
        string config = _cache.File(Main, "config.json", "{}");
        string weights = _cache.File(Main, "model.safetensors", "weights");

        RemovalPlan plan = Cleaner.PlanRemoval([Model(Main, "Q8_0")]);
        Assert.Equal(["SnapshotFile m-Q8_0.gguf", $"Blob {own}"], plan.Items.Select(item => $"{item.Kind} {Path.GetFileName(item.Path)}"));
        Assert.Equal("only here".Length, plan.Bytes);
        Assert.True(File.Exists(_cache.Blob(own)));
        RemovalResult result = Cleaner.Run(plan);
        Assert.Equal(plan.Bytes, result.Bytes);
        Assert.Equal(new[] { shared, config, weights }.Order(StringComparer.Ordinal), Directory.GetFiles(_cache.Blobs).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        // The same content stands in another commit: only the name goes.
        Cleaner.Run(Cleaner.PlanRemoval([Model(Main, "Q4_0")]));
        Assert.True(File.Exists(_cache.Name(Old, "m-Q4_0.gguf")));
        Assert.Equal(["m-Q4_0.gguf"], Directory.GetFiles(Path.GetDirectoryName(_cache.Name(Old, "x"))!).Select(Path.GetFileName));

        // config.json is of use beside the checkpoint only, and goes with it, as do the commit, its reference and nothing else.
        Cleaner.Run(Cleaner.PlanRemoval([Model(Main, "safetensors")]));
        Assert.Equal([$"models--o--r/blobs/{shared}", "models--o--r/refs/v1", $"models--o--r/snapshots/{Old}/m-Q4_0.gguf"], _temp.Entries());
        Assert.Equal("Q4_0", Assert.Single(_temp.Store.GetModels()).Variant);
    }

    [Fact]
    public void LastSnapshotTakesTheRepositoryAlong()
    {
        string etag = _cache.File(Main, "sub/m-Q4_0.gguf", "weights");
        _cache.File(Main, "README.md", "read me");
        _cache.File(Old, "m-Q4_0.gguf", "weights");
        _temp.Add($"models--o--r/trees/{Main}.json", "{}");
        _temp.Add($"models--o--r/.no_exist/{Main}/adapter_config.json", "");
        _temp.Add($"models--o--r/.modelops/{etag}.chunks");
        _temp.Add($"models--o--r/blobs/{etag}.incomplete");
        _temp.Add($".locks/models--o--r/{etag}.lock");
        _temp.Add("models--o--other/snapshots/x/m-Q4_0.gguf");
        RemovalPlan plan = Cleaner.PlanRemoval(_temp.Store.GetModels().Where(model => model.Repository == "o/r").ToList());
        Assert.Equal(plan.Items.Select(item => item.Kind), plan.Items.Select(item => item.Kind).Order());
        Cleaner.Run(plan);
        Assert.False(Directory.Exists(_cache.Folder));
        Assert.False(Directory.Exists(Path.Combine(_temp.Directory, ".locks", "models--o--r")));
        Assert.Equal(["models--o--other/snapshots/x/m-Q4_0.gguf"], _temp.Entries());
    }

    [Fact]
    public void WhatIsNotKnownStays()
    {
        _cache.File(Main, "model.safetensors", "weights");
        _cache.File(Main, "config.json", "{}");
        string other = _cache.File(Main, "pytorch_model.bin", "other weights");
        _temp.Add("models--o--r/notes.txt", "mine");
        RemovalPlan plan = Cleaner.PlanRemoval([Model(Main, "safetensors")]);
        Assert.Contains("pytorch_model.bin", Assert.Single(plan.Notes).Message);
        Cleaner.Run(plan);
        Assert.Equal([$"models--o--r/blobs/{other}", "models--o--r/notes.txt", "models--o--r/refs/main", "models--o--r/refs/v1", $"models--o--r/snapshots/{Main}/pytorch_model.bin"], _temp.Entries());

        // Named as a whole it goes; a file that no cache has does not.
        RemovalResult result = Cleaner.Run(Cleaner.PlanRemoval([], ["o/r"]));
        Assert.Equal(["models--o--r/notes.txt"], _temp.Entries());
        Assert.Contains(result.Notes, note => note.Path == _cache.Folder);
    }

    [Fact]
    public void LinkOutOfTheStoreIsRemovedAndWhatItLeadsToIsNot()
    {
        _cache.File(Main, "config.json", "{}");
        string outside = Path.Combine(Path.GetTempPath(), $"modelops-outside-{Guid.NewGuid():n}.gguf");
        File.WriteAllText(outside, "mine");
        try
        {
            File.CreateSymbolicLink(_cache.Name(Main, "m-Q4_0.gguf"), outside);
            InstalledModel model = Model(Main, "Q4_0");
            Assert.Equal(0, model.UniqueBytes);
            Cleaner.Run(Cleaner.PlanRemoval([model]));
            Assert.False(Path.Exists(_cache.Name(Main, "m-Q4_0.gguf")));
            Assert.Equal("mine", File.ReadAllText(outside));
        }
        finally
        {
            File.Delete(outside);
        }
    }

    [Fact]
    public void FilesThatStandInTheSnapshotAreFreed()
    {
        _temp.Add($"models--o--r/snapshots/{Main}/m-Q4_0.gguf", "weights");
        RemovalPlan plan = Cleaner.PlanRemoval([Model(Main, "Q4_0")]);
        Assert.Equal(7, plan.Bytes);
        Cleaner.Run(plan);
        Assert.Empty(_temp.Entries());
    }

    /// <summary>The lock is held by a program that we did not write: flock(1).</summary>
    [Fact]
    public async Task WhatIsBeingDownloadedIsNotTouched()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/flock"), "flock(1) is not installed");
        string etag = _cache.File(Main, "m-Q4_0.gguf", "weights");
        _temp.Add($"models--o--r/blobs/{HandmadeCache.Sha256("x")}");
        RemovalPlan before = Cleaner.PlanRemoval([Model(Main, "Q4_0")]);
        string locked = _temp.Add($".locks/models--o--r/{etag}.lock", "");
        using Process holder = Process.Start(new ProcessStartInfo("/usr/bin/flock", [locked, "sh", "-c", "echo held; cat"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Assert.Equal("held", await holder.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        try
        {
            Assert.Equal(ErrorKind.StoreInUse, Assert.Throws<ModelOpsException>(() => Cleaner.PlanRemoval([Model(Main, "Q4_0")])).Kind);
            Assert.Equal(ErrorKind.StoreInUse, Assert.Throws<ModelOpsException>(() => Cleaner.Run(before)).Kind);
            Assert.True(File.Exists(_cache.Name(Main, "m-Q4_0.gguf")));
            RemovalPlan cleaning = Cleaner.PlanCleaning();
            Assert.Empty(cleaning.Items);
            Assert.Contains("downloaded", Assert.Single(cleaning.Notes, note => note.Path == _cache.Folder).Message);
        }
        finally
        {
            holder.StandardInput.Close();
            await holder.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        Assert.NotEmpty(Cleaner.PlanCleaning().Items);
        Cleaner.Run(before);
        Assert.Empty(_temp.Store.GetModels());
    }

    [Fact]
    public void LockOfACommitGoesWithIt()
    {
        _cache.File(Main, "m-Q4_0.gguf", "weights");
        _cache.File(Old, "m-Q4_0.gguf", "old weights");
        string[] locks = [_temp.Add($".locks/models--o--r/{Main}.lock", ""), _temp.Add($".locks/models--o--r/{Old}.lock", "")];
        Cleaner.Run(Cleaner.PlanRemoval([Model(Old, "Q4_0")]));
        Assert.Equal((true, false), (File.Exists(locks[0]), File.Exists(locks[1])));
    }

    [Fact]
    public void BlobThatSomebodyHasLinkedToSinceStays()
    {
        string etag = _cache.File(Main, "m-Q4_0.gguf", "weights");
        RemovalPlan plan = Cleaner.PlanRemoval([Model(Main, "Q4_0")]);
        _cache.File(Old, "m-Q4_0.gguf", "weights");
        RemovalResult result = Cleaner.Run(plan);
        Assert.True(File.Exists(_cache.Blob(etag)));
        Assert.Contains(result.Notes, note => note.Path == _cache.Blob(etag));
        Assert.Equal(Old, Assert.Single(_temp.Store.GetModels()).Commit);
    }

    [Fact]
    public void PlanFromElsewhereIsNotTrusted()
    {
        _cache.File(Main, "m-Q4_0.gguf", "weights");
        string mine = _temp.Add("mine.txt");
        RemovalPlan plan = Cleaner.PlanRemoval([Model(Main, "Q4_0")]);
        RemovalItem item = plan.Items[0];
        string[] paths = [mine, _cache.Folder + "/../mine.txt", "mine.txt", "/etc/hostname", _cache.Folder];
        foreach (string path in paths)
            Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => Cleaner.Run(plan with { Items = [item with { Path = path }] })).Kind);
        Assert.Throws<ModelOpsException>(() => Cleaner.Run(plan with { Items = [item with { Repository = "../x" }] }));
        Assert.Throws<ModelOpsException>(() => Cleaner.Run(plan with { Store = Path.GetTempPath() }));
        Assert.True(File.Exists(_cache.Name(Main, "m-Q4_0.gguf")));
        Assert.True(File.Exists(mine));
    }

    [Fact]
    public void WhatIsNotInstalledIsSaid() => Assert.Equal(ErrorKind.ModelNotFound, Assert.Throws<ModelOpsException>(() => Cleaner.PlanRemoval([], ["o/none"])).Kind);

    private InstalledModel Model(string commit, string variant) => StoreInventory.Read(_temp.Store.Options).Models.Single(model => model.Commit == commit && model.Variant == variant);
}
