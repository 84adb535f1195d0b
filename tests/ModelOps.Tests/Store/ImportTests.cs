using System.Diagnostics;
using System.Security.Cryptography;
using ModelOps.Tests.Cli;
using ModelOps.Tests.Formats;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>Models of this machine that become models of the store; the ids judged by git.</summary>
public sealed class ImportTests : IDisposable
{
    private readonly TempStore _temp = new();
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _temp.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task CheckpointGetsTheIdsThatGitGives()
    {
        string source = CopyOfDemo();
        ImportPlan plan = await ModelImport.PlanAsync(_temp.Store, source, null, null, Stop);
        Assert.Equal(("local/demo-gemma-qat", plan.Bytes), (plan.Repository, plan.BytesToStore));
        Assert.Empty(_temp.Entries());
        InstalledModel model = Assert.Single(await ModelImport.RunAsync(_temp.Store, plan, null, Stop));

        foreach (ImportedFile file in plan.Files)
        {
            byte[] content = File.ReadAllBytes(Path.Combine(source, file.Path));
            string sha256 = Convert.ToHexStringLower(SHA256.HashData(content));
            Assert.Equal(sha256, file.Sha256);
            if (file.ETag != sha256)
                Assert.Equal(await GitAsync(source, "hash-object", "--no-filters", file.Path), file.ETag);
            Assert.Equal(content, File.ReadAllBytes(Path.Combine(model.Path, file.Path)));
        }
        Assert.Contains(plan.Files, file => file.ETag != file.Sha256);
        Assert.Equal(await GitCommitAsync(source, plan), plan.Commit);
        Assert.Equal(plan.Commit, File.ReadAllText(Path.Combine(_temp.Directory, "models--local--demo-gemma-qat", "refs", "main")));
        Assert.Equal(model.Path, Assert.Single(_temp.Store.GetModels()).Path);
        Assert.All(model.Files, file => Assert.NotNull(file.Sha256));
        Assert.Equal(ModelKind.Checkpoint, _temp.Store.ResolveSource("local/demo-gemma-qat").Kind);
    }

    [Fact]
    public async Task SameContentTwiceIsNothingToDoAndOtherContentIsAnotherCommit()
    {
        string file = Gguf("my model-Q8_0.gguf", 64);
        ImportPlan first = await ModelImport.PlanAsync(_temp.Store, file, null, null, Stop);
        Assert.Equal("local/my-model", first.Repository);
        Assert.Equal(["Q8_0"], first.Variants);
        await ModelImport.RunAsync(_temp.Store, first, null, Stop);
        string[] entries = _temp.Entries();

        ImportPlan again = await ModelImport.PlanAsync(_temp.Store, file, null, null, Stop);
        Assert.Equal((first.Commit, 0), (again.Commit, again.BytesToStore));
        await ModelImport.RunAsync(_temp.Store, again, null, Stop);
        Assert.Equal(entries, _temp.Entries());

        Gguf("my model-Q8_0.gguf", 96);
        ImportPlan changed = await ModelImport.PlanAsync(_temp.Store, file, null, null, Stop);
        Assert.NotEqual(first.Commit, changed.Commit);
        await ModelImport.RunAsync(_temp.Store, changed, null, Stop);
        Assert.Equal(2, _temp.Store.GetModels().Count);
        Assert.Contains(changed.Commit, _temp.Store.Resolve("local/my-model").Path);
    }

    [Fact]
    public async Task FoldersThatAreLinksAreNotEntered()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        string folder = Path.GetDirectoryName(Gguf("a-Q8_0.gguf", 64))!;
        Directory.CreateSymbolicLink(Path.Combine(folder, "self"), folder);
        Assert.Equal(["a-Q8_0.gguf"], (await ModelImport.PlanAsync(_temp.Store, folder, null, null, Stop)).Files.Select(file => file.Path));
    }

    [Fact]
    public async Task OneShardStandsForAllAndAllMustBeThere()
    {
        Gguf("big-Q4_0-00001-of-00002.gguf", 64);
        string second = Gguf("big-Q4_0-00002-of-00002.gguf", 32);
        Gguf("other-Q4_0.gguf", 32);
        ImportPlan plan = await ModelImport.PlanAsync(_temp.Store, second, null, null, Stop);
        Assert.Equal(["big-Q4_0-00001-of-00002.gguf", "big-Q4_0-00002-of-00002.gguf"], plan.Files.Select(file => file.Path));
        Assert.Equal("local/big", plan.Repository);
        File.Delete(_folder.File("big-Q4_0-00001-of-00002.gguf"));
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => ModelImport.PlanAsync(_temp.Store, second, null, null, Stop));
        Assert.Equal(ErrorKind.ModelNotFound, e.Kind);
    }

    [Fact]
    public async Task FolderOfSeveralModelsSaysWhatItLeavesOut()
    {
        Gguf("a-Q4_0.gguf", 64);
        Gguf("a-Q8_0.gguf", 96);
        Gguf("mmproj-a.gguf", 32);
        _folder.Write("optimizer.pt", [1]);
        _folder.Write(".hidden", [1]);
        _folder.Write("README.md", [1]);
        ImportPlan plan = await ModelImport.PlanAsync(_temp.Store, _folder.Path, new ImportOptions { Name = "acme/a" }, null, Stop);
        Assert.Equal(["README.md", "a-Q4_0.gguf", "a-Q8_0.gguf", "mmproj-a.gguf"], plan.Files.Select(file => file.Path));
        Assert.Equal(["optimizer.pt"], plan.LeftOut);
        IReadOnlyList<InstalledModel> models = await ModelImport.RunAsync(_temp.Store, plan, null, Stop);
        Assert.Equal(["Q4_0", "Q8_0"], models.Select(model => model.Variant).Order());
    }

    [Fact]
    public async Task MoveLeavesNothingBehindAndCopiesNothing()
    {
        string file = Gguf("m-Q8_0.gguf", 64);
        string twin = Gguf("n-Q8_0.gguf", 64);
        byte[] content = File.ReadAllBytes(file);
        var move = new ImportOptions { Move = true };
        InstalledModel model = Assert.Single(await ModelImport.RunAsync(_temp.Store, await ModelImport.PlanAsync(_temp.Store, file, move, null, Stop), null, Stop));
        Assert.False(File.Exists(file));
        Assert.Equal(content, File.ReadAllBytes(model.Path));
        // Same bytes, same name: there already, so the source goes as well.
        File.Move(twin, file);
        await ModelImport.RunAsync(_temp.Store, await ModelImport.PlanAsync(_temp.Store, file, move, null, Stop), null, Stop);
        Assert.False(File.Exists(file));
    }

    [Fact]
    public async Task MoveNeverTrustsADamagedBlob()
    {
        string file = Gguf("m-Q8_0.gguf", 64);
        byte[] content = File.ReadAllBytes(file);
        InstalledModel model = Assert.Single(await ModelImport.RunAsync(_temp.Store, await ModelImport.PlanAsync(_temp.Store, file, null, null, Stop), null, Stop));
        byte[] damaged = [.. content];
        damaged[^1] ^= 1;
        File.WriteAllBytes(model.Path, damaged);
        await ModelImport.RunAsync(_temp.Store, await ModelImport.PlanAsync(_temp.Store, file, new ImportOptions { Move = true }, null, Stop), null, Stop);
        Assert.False(File.Exists(file));
        Assert.Equal(content, File.ReadAllBytes(model.Path));
    }

    [Fact]
    public async Task MoveToAnotherDiskIsACopyThenADelete()
    {
        const string memory = "/dev/shm";
        Assert.SkipUnless(OperatingSystem.IsLinux() && Directory.Exists(memory), "needs a second file system");
        string elsewhere = Path.Combine(memory, Path.GetRandomFileName());
        Directory.CreateDirectory(elsewhere);
        try
        {
            string file = Path.Combine(elsewhere, "m-Q8_0.gguf");
            File.Move(Gguf("m-Q8_0.gguf", 64), file);
            byte[] content = File.ReadAllBytes(file);
            InstalledModel model = Assert.Single(await ModelImport.RunAsync(_temp.Store, await ModelImport.PlanAsync(_temp.Store, file, new ImportOptions { Move = true }, null, Stop), null, Stop));
            Assert.False(File.Exists(file));
            Assert.Equal(content, File.ReadAllBytes(model.Path));
            Assert.DoesNotContain(_temp.Entries(), entry => entry.EndsWith(".incomplete", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(elsewhere, recursive: true);
        }
    }

    [Fact]
    public async Task ChangedSourceIsNotInstalledAndNotLost()
    {
        string file = Gguf("m-Q8_0.gguf", 64);
        foreach (bool move in (bool[])[false, true])
        {
            ImportPlan plan = await ModelImport.PlanAsync(_temp.Store, file, new ImportOptions { Move = move }, null, Stop);
            byte[] content = File.ReadAllBytes(file);
            content[^1] ^= 1;
            File.WriteAllBytes(file, content);
            ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => ModelImport.RunAsync(_temp.Store, plan, null, Stop));
            Assert.Equal(ErrorKind.ChecksumMismatch, e.Kind);
            Assert.Equal(content, File.ReadAllBytes(file));
            Assert.Empty(_temp.Entries());
        }
    }

    [Fact]
    public async Task BrokenHeadersBadNamesAndForeignContentAreRefusedBeforeAnything()
    {
        string good = Gguf("m-Q8_0.gguf", 64);
        string bad = _folder.Write("bad-Q4_0.gguf", [.. "GGUF"u8, 3, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
        await RefusedAsync(ErrorKind.CorruptFile, bad);
        await RefusedAsync(ErrorKind.ModelNotFound, _folder.File("none.gguf"));
        await RefusedAsync(ErrorKind.ModelNotFound, _folder.Write("x.txt", [1]));
        await RefusedAsync(ErrorKind.InvalidArgument, good, new ImportOptions { Name = "../x" });

        await ModelImport.RunAsync(_temp.Store, await ModelImport.PlanAsync(_temp.Store, good, new ImportOptions { Name = "acme/m" }, null, Stop), null, Stop);
        await ModelImport.PlanAsync(_temp.Store, good, new ImportOptions { Name = "acme/m" }, null, Stop);
        Gguf("m-Q8_0.gguf", 96);
        string[] entries = _temp.Entries();
        await RefusedAsync(ErrorKind.InvalidArgument, good, new ImportOptions { Name = "acme/m" });
        Assert.Equal(entries, _temp.Entries());
        await ModelImport.RunAsync(_temp.Store, await ModelImport.PlanAsync(_temp.Store, good, new ImportOptions { Name = "acme/m", Force = true }, null, Stop), null, Stop);
        Assert.Equal(2, _temp.Store.GetModels().Count);
    }

    [Fact]
    public async Task LinksAreFollowedForACopyAndRefusedForAMove()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        string target = Gguf("real", 64);
        string link = _folder.File("m-Q8_0.gguf");
        File.CreateSymbolicLink(link, target);
        await RefusedAsync(ErrorKind.InvalidArgument, link, new ImportOptions { Move = true });
        InstalledModel model = Assert.Single(await ModelImport.RunAsync(_temp.Store, await ModelImport.PlanAsync(_temp.Store, link, null, null, Stop), null, Stop));
        Assert.Equal(File.ReadAllBytes(target), File.ReadAllBytes(model.Path));
    }

    [Fact]
    public async Task FullDiskIsSeenBefore()
    {
        ModelStore small = _temp.With(options => options with { Transfer = options.Transfer with { FreeBytes = _ => 10 } });
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => ModelImport.PlanAsync(small, Gguf("m-Q8_0.gguf", 64), null, null, Stop));
        Assert.Equal(ErrorKind.InsufficientDiskSpace, e.Kind);
    }

    private async Task RefusedAsync(ErrorKind kind, string path, ImportOptions? options = null)
        => Assert.Equal(kind, (await Assert.ThrowsAsync<ModelOpsException>(() => ModelImport.PlanAsync(_temp.Store, path, options, null, Stop))).Kind);

    private string Gguf(string name, int dataBytes) =>
        _folder.Write(name, new GgufBytes(tensors: 1, keys: 1).Key("general.architecture", 8).Text("llama").Tensor("t", 0, 0, (ulong)dataBytes / 4).Data(dataBytes).ToArray());

    private string CopyOfDemo()
    {
        string folder = _folder.File("demo-gemma-qat");
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.EnumerateFiles(TestPaths.Model("demo-gemma-qat")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        return folder;
    }

    /// <summary>The commit that git makes of the files, with LFS pointers for large ones, by the importer's author at the epoch.</summary>
    private async Task<string> GitCommitAsync(string source, ImportPlan plan)
    {
        string work = _folder.File("git");
        Directory.CreateDirectory(work);
        foreach (ImportedFile file in plan.Files)
        {
            string target = Path.Combine(work, file.Path);
            if (file.ETag == file.Sha256)
                File.WriteAllText(target, $"version https://git-lfs.github.com/spec/v1\noid sha256:{file.Sha256}\nsize {file.Bytes}\n");
            else
                File.Copy(Path.Combine(source, file.Path), target);
        }
        await GitAsync(work, "init", "-q");
        await GitAsync(work, "-c", "core.autocrlf=false", "-c", "core.fileMode=false", "add", "--all");
        return await GitAsync(work, "commit-tree", await GitAsync(work, "write-tree"), "-m", "Served by ModelOps");
    }

    private static async Task<string> GitAsync(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true };
        foreach (string who in (string[])["AUTHOR", "COMMITTER"])
        {
            start.Environment[$"GIT_{who}_NAME"] = "ModelOps";
            start.Environment[$"GIT_{who}_EMAIL"] = "modelops@localhost";
            start.Environment[$"GIT_{who}_DATE"] = "@0 +0000";
        }
        start.Environment["GIT_CONFIG_GLOBAL"] = start.Environment["GIT_CONFIG_SYSTEM"] = OperatingSystem.IsWindows() ? "NUL" : "/dev/null";
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync(Stop);
        await process.WaitForExitAsync(Stop);
        Assert.Equal(0, process.ExitCode);
        return output.Trim();
    }
}
