using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>Bundles that are what they should be; tar and sha256sum are the judges.</summary>
public sealed class BundleTests : IDisposable
{
    private readonly BundleFixture _bundle = new();

    public void Dispose() => _bundle.Dispose();

    [Theory]
    [InlineData("models.tar")]
    [InlineData("models")]
    public async Task WhatGoesInComesOut(string name)
    {
        await _bundle.FillAsync();
        BundleResult written = await _bundle.WriteAsync(name);
        Assert.Equal(4, written.Models.Count);
        IReadOnlyList<InstalledModel> installed = await _bundle.InstallAsync(written.Output);

        // Byte for byte the same store: blobs, names, links, references; only README.md of a GGUF repository belongs to no variant.
        Assert.Equal(Tree(_bundle.From).Where(entry => !entry.Contains("README.md")).Where(IsNoReadmeBlob), Tree(_bundle.To));
        Assert.Equal(
            _bundle.From.Store.GetModels().Select(model => (model.Repository, model.Commit, model.Variant, model.Kind, model.Bytes)).Order(),
            installed.Select(model => (model.Repository, model.Commit, model.Variant, model.Kind, model.Bytes)).Order());
        Assert.All(installed, model => Assert.True(Path.Exists(model.Path)));
        Assert.All(installed.SelectMany(model => model.Files), file => Assert.NotNull(file.Sha256));

        await using BundleReader again = await BundleReader.OpenAsync(written.Output);
        Assert.Equal(0, again.PlanInstall(_bundle.To.Store).BytesToStore);
        await again.InstallAsync(_bundle.To.Store, again.PlanInstall(_bundle.To.Store));
    }

    [Fact]
    public async Task ArchiveIsAPlainTarOfAlwaysTheSameBytes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "GNU tar and sha256sum");
        await _bundle.FillAsync();
        BundleResult first = await _bundle.WriteAsync("a.tar", "acme/two", "local/checkpoint");
        BundleResult second = await _bundle.WriteAsync("b.tar", "local/checkpoint", "acme/two");
        Assert.Equal(File.ReadAllBytes(first.Output), File.ReadAllBytes(second.Output));
        Assert.StartsWith(first.Sha256!, await BundleFixture.ShellAsync(_bundle.Folder.Path, "sha256sum", "a.tar"));
        Assert.Equal(new FileInfo(first.Output).Length, first.Bytes);

        string[] lines = (await BundleFixture.ShellAsync(_bundle.Folder.Path, "tar", "--utc", "--numeric-owner", "-tvf", "a.tar")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.EndsWith(" manifest.json", lines[0]);
        Assert.All(lines, line => Assert.Matches(@"^-rw-r--r-- 0/0 +\d+ 1970-01-01 00:00 (manifest\.json|blobs/[0-9a-f]{64})$", line));

        Directory.CreateDirectory(_bundle.Folder.File("out"));
        await BundleFixture.ShellAsync(_bundle.Folder.Path, "tar", "-xf", "a.tar", "-C", "out");
        string[] sums = (await BundleFixture.ShellAsync(_bundle.Folder.File("out/blobs"), "sha256sum", [.. Directory.GetFiles(_bundle.Folder.File("out/blobs")).Select(path => Path.GetFileName(path)!)])).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(lines.Length - 1, sums.Length);
        Assert.All(sums, line => Assert.Equal(line[66..], line[..64]));
        // What tar unpacked is a bundle as well.
        Assert.Equal(2, (await _bundle.InstallAsync(_bundle.Folder.File("out"))).Count);
    }

    [Theory]
    [InlineData("-C", "models", ".")]
    [InlineData("models")]
    [InlineData("--format=posix", "models")]
    [InlineData("--format=ustar", "--sort=name", "-C", "models", "manifest.json", "blobs")]
    [InlineData("-C", "models", "blobs", "manifest.json")]
    public async Task TarOfTheFolderInstallsToo(params string[] what)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "GNU tar");
        await _bundle.FillAsync();
        await _bundle.WriteAsync("models");
        await BundleFixture.ShellAsync(_bundle.Folder.Path, "tar", ["-cf", "by-tar.tar", .. what]);
        Assert.Equal(4, (await _bundle.InstallAsync(_bundle.Folder.File("by-tar.tar"))).Count);
        Assert.Equal(4, _bundle.To.Store.GetModels().Count);
    }

    [Fact]
    public async Task StreamInstallsAndChosenModelsOnly()
    {
        await _bundle.FillAsync();
        BundleResult written = await _bundle.WriteAsync("models.tar");
        Assert.Equal(["Q8_0"], (await _bundle.InstallAsync(written.Output, null, "ACME/one:q8_0")).Select(model => model.Variant));
        Assert.Equal("acme/one", Assert.Single(_bundle.To.Store.GetModels()).Repository);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => _bundle.InstallAsync(written.Output, null, "acme/three"));
        Assert.Equal(ErrorKind.ModelNotFound, e.Kind);
        Assert.Contains("acme/two:Q8_0", e.Hint);
        Assert.Equal(4, (await _bundle.InstallStreamAsync(File.ReadAllBytes(written.Output))).Count);
        Assert.Equal(4, _bundle.To.Store.GetModels().Count);
    }

    [Fact]
    public async Task StoreWithoutLinksGetsTheFiles()
    {
        await _bundle.FillAsync();
        BundleResult written = await _bundle.WriteAsync("models.tar");
        ModelStore plain = _bundle.To.With(options => options with { Symlinks = false });
        IReadOnlyList<InstalledModel> installed = await _bundle.InstallAsync(written.Output, plain);
        Assert.Equal(4, plain.GetModels().Count);
        Assert.All(installed, model => Assert.Null(new FileInfo(Path.Combine(Directory.Exists(model.Path) ? model.Path : Path.GetDirectoryName(model.Path)!, model.Files[0].Path)).LinkTarget));
        // And such a store can be bundled again, to the same bytes.
        BundlePlan plan = await BundleWriter.PlanAsync(plain, plain.GetModels(), _bundle.Folder.File("again.tar"), false, TestContext.Current.CancellationToken);
        Assert.Equal(written.Sha256, (await BundleWriter.RunAsync(plain, plan, null, TestContext.Current.CancellationToken)).Sha256);
    }

    [Fact]
    public async Task DamagedStoreIsNotBundled()
    {
        await _bundle.FillAsync();
        InstalledModel model = BundleWriter.Find(_bundle.From.Store, "acme/two");
        byte[] content = File.ReadAllBytes(model.Path);
        content[^1] ^= 1;
        File.WriteAllBytes(model.Path, content);
        foreach (string name in (string[])["damaged.tar", "damaged"])
        {
            ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => _bundle.WriteAsync(name, "acme/two"));
            Assert.Equal(ErrorKind.ChecksumMismatch, e.Kind);
        }
        Assert.Empty(Directory.EnumerateFileSystemEntries(_bundle.Folder.Path));
    }

    [Fact]
    public async Task WhatIsThereIsOnlyReplacedWhenItIsABundle()
    {
        await _bundle.FillAsync();
        foreach (string name in (string[])["a.tar", "a"])
        {
            await _bundle.WriteAsync(name, "acme/two");
            Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => _bundle.WriteAsync(name, "acme/one"))).Kind);
            BundleResult replaced = await _bundle.WriteAsync(name, true, "acme/one");
            Assert.Equal("acme/one", Assert.Single(await _bundle.InstallAsync(replaced.Output)).Repository);
        }
        string mine = _bundle.Folder.File("mine");
        Directory.CreateDirectory(mine);
        File.WriteAllText(Path.Combine(mine, "thesis.txt"), "years of work");
        Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => _bundle.WriteAsync("mine", true, "acme/two"))).Kind);
        Assert.True(File.Exists(Path.Combine(mine, "thesis.txt")));
        Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => _bundle.WriteAsync("a.tar.gz", "acme/two"))).Kind);
        Assert.Equal(["a", "a.tar", "mine"], Directory.EnumerateFileSystemEntries(_bundle.Folder.Path).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task ModelOfASharedStoreIsBundledAndSavedLikeOnesOwn()
    {
        await _bundle.FillAsync();
        BundleResult written = await _bundle.WriteAsync("own.tar");
        ModelStore layered = _bundle.To.With(options => options with { SharedDirectories = [_bundle.From.Directory] });
        BundlePlan plan = await BundleWriter.PlanAsync(layered, layered.GetModels(), _bundle.Folder.File("shared.tar"), false, TestContext.Current.CancellationToken);
        Assert.Equal(written.Sha256, (await BundleWriter.RunAsync(layered, plan, null, TestContext.Current.CancellationToken)).Sha256);

        using var nobody = new HubClient(new HubOptions { Endpoint = new Uri("http://127.0.0.1:9"), Offline = true });
        SavePlan save = await ModelSave.PlanAsync(layered, nobody, "acme/one", _bundle.Folder.File("saved"), "Q8_0", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(save.Bytes, save.BytesToCopy);
        SavedModel saved = await ModelSave.RunAsync(layered, nobody, save, null, TestContext.Current.CancellationToken);
        Assert.Equal(BundleFixture.Gguf(128), File.ReadAllBytes(saved.Path));
    }

    [Fact]
    public async Task FullDiskIsSeenBefore()
    {
        await _bundle.FillAsync();
        BundleResult written = await _bundle.WriteAsync("models.tar");
        ModelStore full = _bundle.To.With(options => options with { Transfer = options.Transfer with { FreeBytes = _ => 100 } });
        Assert.Equal(ErrorKind.InsufficientDiskSpace, (await Assert.ThrowsAsync<ModelOpsException>(() => _bundle.InstallAsync(written.Output, full))).Kind);
        Assert.Equal(ErrorKind.InsufficientDiskSpace, (await Assert.ThrowsAsync<ModelOpsException>(() => BundleWriter.PlanAsync(full, _bundle.From.Store.GetModels(), _bundle.Folder.File("x"), false, TestContext.Current.CancellationToken))).Kind);
        Assert.Empty(_bundle.To.Entries());
    }

    private static IEnumerable<string> Tree(TempStore store) => store.Entries().Select(entry => $"{entry} {BundleFixture.Sha256(File.ReadAllBytes(Path.Combine(store.Directory, entry)))} {new FileInfo(Path.Combine(store.Directory, entry)).LinkTarget}");

    private static bool IsNoReadmeBlob(string entry) => !(entry.Contains("/blobs/") && entry.Split(' ')[0].Split('/')[^1].Length == 40 && entry.Contains("acme"));
}
