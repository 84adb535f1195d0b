using System.Text.Json;
using ModelOps.Engine;
using ModelOps.Runtimes;
using ModelOps.Tests.Cli;
using ModelOps.Tests.Engine;
using Xunit;
using static ModelOps.Tests.Runtimes.RuntimeFixture;

namespace ModelOps.Tests.Runtimes;

public sealed class ModelRuntimesTests : IDisposable
{
    private static readonly Device Nvidia = new("NVIDIA GeForce RTX 4090", DeviceKind.Gpu, 24L << 30, 23L << 30);
    private static readonly Device Radeon = new("AMD Radeon RX 7900 XTX", DeviceKind.Gpu, 24L << 30, 23L << 30);

    private readonly RuntimeFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void A_runtime_is_known_by_its_name_and_auto_is_none()
    {
        Assert.Equal(RuntimeBackend.Cuda12, ModelRuntimes.ParseOne("CUDA12"));
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => ModelRuntimes.ParseOne("Auto")).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => ModelRuntimes.ParseOne("opencl")).Kind);
        Assert.Null(ModelRuntimes.Parse("Auto"));
    }

    [Fact]
    public void EveryPackageThatTheBuildRestoresHasTheSamePinInTheTool()
    {
        using JsonDocument built = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestPaths.RepositoryRoot, "natives", "package-lock.json")));
        var packages = built.RootElement.GetProperty("packages").EnumerateObject().Where(entry => entry.Name.Length > 0).ToList();
        Assert.NotEmpty(packages);
        string[] platforms = ["linux-x64", "linux-arm64", "win-x64", "win-arm64", "mac-arm64", "mac-x64"];
        var pinned = platforms.SelectMany(platform => PinnedRuntimes.Embedded.For(platform).Values).SelectMany(list => list).DistinctBy(package => package.Name).ToDictionary(package => package.Name);
        Assert.All(packages, entry =>
        {
            RuntimePackage pin = pinned[entry.Name["node_modules/".Length..]];
            Assert.Equal((entry.Value.GetProperty("version").GetString(), entry.Value.GetProperty("integrity").GetString()), (pin.Version, pin.Integrity));
        });
        // One build of llama.cpp on every platform.
        Assert.Single(pinned.Values.Select(package => package.Version).Distinct());
        Assert.All(pinned.Values, package => Assert.Equal(64, Convert.FromBase64String(package.Integrity["sha512-".Length..]).Length));
        Assert.Equal([RuntimeBackend.Cpu, RuntimeBackend.Vulkan, RuntimeBackend.Cuda, RuntimeBackend.Cuda12], PinnedRuntimes.Embedded.For("linux-x64").Keys);
        Assert.Equal([RuntimeBackend.Metal], PinnedRuntimes.Embedded.For("mac-arm64").Keys);
    }

    [Fact]
    public async Task WhatNpmPacksIsInstalledAndRuns()
    {
        string archive = await _fixture.PackAsync();
        ModelRuntimes runtimes = _fixture.Open(Pins(("", archive)));
        Assert.Equal(RuntimeState.Available, Assert.Single(runtimes.List()).State);

        ModelRuntime added = await runtimes.AddAsync(RuntimeBackend.Cpu, [archive], null, TestContext.Current.CancellationToken);

        Assert.Equal((RuntimeState.Installed, "9.9.9"), (added.State, added.Version));
        string[] libraries = [.. Directory.EnumerateFiles(Path.Combine(Package, "bins", RuntimeNames.Platform)).Where(path => Path.GetExtension(path) is ".so" or ".dll" or ".dylib" && !path.Contains("llama-common", StringComparison.Ordinal))];
        Assert.True(libraries.Length > 3);
        Assert.Equal([.. libraries.Select(path => Path.GetFileName(path)), "LICENSE", "manifest.json"], Directory.EnumerateFiles(added.Directory!).Select(path => Path.GetFileName(path)), Unordered);
        Assert.All(libraries, path => Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(Path.Combine(added.Directory!, Path.GetFileName(path)))));
        Assert.Equal((RuntimeBackend.Cpu, added.Directory), (runtimes.Choose().Backend, runtimes.Choose().Directory));
        Assert.True(Assert.Single(runtimes.List()).IsChosen);

        using TemporaryFolder folder = new();
        CliOutcome run = await CliProcess.RunAsync(folder.Path, ["run", GoldenLogits.PathOf("llama", "f32"), "a", "--raw", "--max-tokens", "2", "--format", "json"], environment: [(ModelRuntimes.DirectoryVariable, added.Directory)]);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(2, run.Json.GetProperty("tokens").GetArrayLength());
    }

    [Fact]
    public async Task AnotherHashInstallsNothing()
    {
        string archive = _fixture.Archive("a.tgz", Entry("package/bins/x/libllama.so"));
        ModelRuntimes runtimes = _fixture.Open(Pins(("", archive)));
        byte[] bytes = File.ReadAllBytes(archive);
        bytes[^1] ^= 1;
        string altered = Path.Combine(_fixture.Folder, "altered.tgz");
        File.WriteAllBytes(altered, bytes);

        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => runtimes.AddAsync(RuntimeBackend.Cpu, [altered], null, TestContext.Current.CancellationToken));

        Assert.Equal(ErrorKind.ChecksumMismatch, error.Kind);
        Assert.Empty(_fixture.Left);
        Assert.Equal(RuntimeState.Installed, (await runtimes.AddAsync(RuntimeBackend.Cpu, [archive], null, TestContext.Current.CancellationToken)).State);
    }

    [Fact]
    public async Task AnInterruptedAdditionLeavesNothingAndTheNextOneTidies()
    {
        string archive = _fixture.Archive("a.tgz", Entry("package/bins/x/libllama.so"));
        ModelRuntimes runtimes = _fixture.Open(Pins(("", archive)));
        using CancellationTokenSource stop = new();
        Interruption interruption = new(stop);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => runtimes.AddAsync(RuntimeBackend.Cpu, [archive], interruption, stop.Token));
        Assert.True(interruption.Came);
        Assert.Empty(_fixture.Left);

        // What a process leaves that was killed.
        string abandoned = Path.Combine(_fixture.Root, ".adding-0123456789ab");
        Directory.CreateDirectory(abandoned);
        File.WriteAllText(Path.Combine(abandoned, "libllama.so"), "half");
        Assert.Equal(RuntimeState.Available, Assert.Single(runtimes.List()).State);
        ModelRuntime added = await runtimes.AddAsync(RuntimeBackend.Cpu, [archive], null, TestContext.Current.CancellationToken);
        Assert.Equal(Path.GetFileName(added.Directory), Assert.Single(_fixture.Left, path => !path.Contains(Path.DirectorySeparatorChar)));
    }

    [Fact]
    public async Task AFolderWithoutItsFilesIsDamagedAndMadeAnew()
    {
        string archive = _fixture.Archive("a.tgz", Entry("package/bins/x/libllama.so"), Entry("package/bins/x/libggml.so"));
        ModelRuntimes runtimes = _fixture.Open(Pins(("", archive)));
        ModelRuntime added = await runtimes.AddAsync(RuntimeBackend.Cpu, [archive], null, TestContext.Current.CancellationToken);
        File.AppendAllText(Path.Combine(added.Directory!, "libggml.so"), "x");

        ModelRuntime damaged = Assert.Single(runtimes.List());
        Assert.Equal(RuntimeState.Damaged, damaged.State);
        Assert.Contains("libggml.so", damaged.Reason, StringComparison.Ordinal);
        Assert.Null(runtimes.Choose().Directory);
        Assert.Equal(ErrorKind.EngineNotFound, Assert.Throws<ModelOpsException>(() => runtimes.Use(RuntimeBackend.Cpu)).Kind);
        Assert.Equal(RuntimeState.Installed, (await runtimes.AddAsync(RuntimeBackend.Cpu, [archive], null, TestContext.Current.CancellationToken)).State);
        Assert.Equal("library", File.ReadAllText(Path.Combine(added.Directory!, "libggml.so")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"files\":")]
    [InlineData("{}")]
    public async Task AManifestThatIsNoneDamagesItsRuntimeAndNoOther(string manifest)
    {
        string cpu = _fixture.Archive("cpu.tgz", Entry("package/bins/x/libllama.so")), vulkan = _fixture.Archive("vulkan.tgz", Entry("package/bins/x/libllama.so", "vulkan"));
        ModelRuntimes runtimes = _fixture.Open(Pins(("", cpu), ("-vulkan", vulkan)));
        ModelRuntime whole = await runtimes.AddAsync(RuntimeBackend.Cpu, [cpu], null, TestContext.Current.CancellationToken);
        ModelRuntime broken = await runtimes.AddAsync(RuntimeBackend.Vulkan, [vulkan], null, TestContext.Current.CancellationToken);
        File.WriteAllText(Path.Combine(broken.Directory!, "manifest.json"), manifest);

        Assert.Equal([RuntimeState.Installed, RuntimeState.Damaged], runtimes.List().Select(runtime => runtime.State));
        Assert.Equal(whole.Directory, runtimes.Choose().Directory);
        Assert.Equal(RuntimeState.Installed, (await runtimes.AddAsync(RuntimeBackend.Vulkan, [vulkan], null, TestContext.Current.CancellationToken)).State);
        File.WriteAllText(Path.Combine(broken.Directory!, "manifest.json"), manifest);
        runtimes.Remove(RuntimeBackend.Vulkan);
        Assert.False(Directory.Exists(broken.Directory));
    }

    [Fact]
    public async Task AChoiceThatCannotBeReadIsMadeAnew()
    {
        string archive = _fixture.Archive("a.tgz", Entry("package/bins/x/libllama.so"));
        ModelRuntimes runtimes = _fixture.Open(Pins(("", archive)));
        await runtimes.AddAsync(RuntimeBackend.Cpu, [archive], null, TestContext.Current.CancellationToken);
        File.WriteAllText(Path.Combine(_fixture.Root, "chosen.json"), "{");
        ModelOpsException error = Assert.Throws<ModelOpsException>(() => runtimes.Choose());
        Assert.Equal(ErrorKind.CorruptFile, error.Kind);
        Assert.Contains("runtime use", error.Hint, StringComparison.Ordinal);
        Assert.NotNull(runtimes.Use(null).Directory);
    }

    [Fact]
    public async Task AnArchiveWithoutEndIsNotCopiedForEver()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no /dev/zero.");
        RuntimePackage package = new("@node-llama-cpp/x", "9.9.9", "sha512-AAAA");
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => PackageDigest.CopyVerifiedAsync("/dev/zero", Path.Combine(_fixture.Folder, "copy"), package, TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.ChecksumMismatch, error.Kind);
        Assert.False(File.Exists(Path.Combine(_fixture.Folder, "copy")));
    }

    [Fact]
    public async Task WhileOneProcessAddsAnotherIsTurnedAway()
    {
        string archive = _fixture.Archive("a.tgz", Entry("package/bins/x/libllama.so"));
        ModelRuntimes runtimes = _fixture.Open(Pins(("", archive)));
        Directory.CreateDirectory(_fixture.Root);
        using (new FileStream(Path.Combine(_fixture.Root, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            Assert.Equal(ErrorKind.StoreInUse, (await Assert.ThrowsAsync<ModelOpsException>(() => runtimes.AddAsync(RuntimeBackend.Cpu, [archive], null, TestContext.Current.CancellationToken))).Kind);
        }
        Assert.Equal(RuntimeState.Installed, (await runtimes.AddAsync(RuntimeBackend.Cpu, [archive], null, TestContext.Current.CancellationToken)).State);
    }

    [Fact]
    public async Task HardwareChoosesThenTheUserThenTheEnvironment()
    {
        string cpu = _fixture.Archive("cpu.tgz", Entry("package/bins/x/libllama.so")), vulkan = _fixture.Archive("vulkan.tgz", Entry("package/bins/x/libllama.so", "vulkan")),
            cuda = _fixture.Archive("cuda.tgz", Entry("package/bins/x/libllama.so", "cuda"), Entry("package/bins/x/libggml-cuda.so", "13")), extension = _fixture.Archive("ext.tgz", Entry("package/bins/x/fallback/libggml-cuda.so", "12"));
        PinnedRuntimes pins = Pins(("", cpu), ("-vulkan", vulkan), ("-cuda", cuda), ("-cuda-ext", extension));
        string bundled = Directory.CreateDirectory(Path.Combine(_fixture.Folder, "bundled")).FullName;
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;

        ModelRuntimes amd = _fixture.Open(pins, [Radeon], bundled), nvidia = _fixture.Open(pins, [Nvidia], bundled), none = _fixture.Open(pins, [], bundled);
        Assert.Equal((RuntimeBackend.Cpu, bundled), (amd.Choose().Backend, amd.Choose().Directory));
        Assert.Contains("runtime add vulkan", amd.Explain().Advice, StringComparison.Ordinal);
        Assert.Contains("runtime add cuda", nvidia.Explain().Advice, StringComparison.Ordinal);
        Assert.Null(none.Explain().Advice);

        await amd.AddAsync(RuntimeBackend.Vulkan, [vulkan], null, cancellationToken);
        Assert.Equal((RuntimeBackend.Vulkan, RuntimeBackend.Vulkan, RuntimeBackend.Cpu), (amd.Choose().Backend, nvidia.Choose().Backend, none.Choose().Backend));
        Assert.Contains(Radeon.Name, amd.Choose().Reason, StringComparison.Ordinal);
        Assert.Null(amd.Explain().Advice);

        ModelRuntime older = await nvidia.AddAsync(RuntimeBackend.Cuda12, [cuda, extension], null, cancellationToken);
        Assert.Equal("12", File.ReadAllText(Path.Combine(older.Directory!, "libggml-cuda.so")));
        Assert.Equal((RuntimeBackend.Vulkan, RuntimeBackend.Cuda12), (amd.Choose().Backend, nvidia.Choose().Backend));
        ModelRuntime newer = await nvidia.AddAsync(RuntimeBackend.Cuda, [cuda], null, cancellationToken);
        Assert.Equal("13", File.ReadAllText(Path.Combine(newer.Directory!, "libggml-cuda.so")));
        Assert.Equal(RuntimeBackend.Cuda, nvidia.Choose().Backend);

        Assert.Equal(RuntimeBackend.Vulkan, none.Use(RuntimeBackend.Vulkan).Backend);
        Assert.Equal(RuntimeBackend.Vulkan, nvidia.Choose().Backend);
        Assert.Equal(RuntimeBackend.Cuda12, _fixture.Open(pins, [Nvidia], bundled, (ModelRuntimes.Variable, "CUDA12")).Choose().Backend);
        Assert.Equal(RuntimeBackend.Cuda, _fixture.Open(pins, [Nvidia], bundled, (ModelRuntimes.Variable, "auto")).Choose().Backend);
        Assert.Equal((null, bundled), (_fixture.Open(pins, [Nvidia], bundled, (ModelRuntimes.Variable, "cpu"), (ModelRuntimes.DirectoryVariable, bundled)).Choose() is var own ? (own.Backend, own.Directory) : default));
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => _fixture.Open(pins, [], bundled, (ModelRuntimes.Variable, "rocm")).Choose()).Kind);

        // With the runtime goes the choice of it.
        Assert.Equal(RuntimeState.Available, nvidia.Remove(RuntimeBackend.Vulkan).State);
        Assert.Equal((RuntimeBackend.Cuda, RuntimeBackend.Cpu), (nvidia.Choose().Backend, amd.Choose().Backend));
        Assert.Equal(ErrorKind.EngineNotFound, Assert.Throws<ModelOpsException>(() => nvidia.Remove(RuntimeBackend.Vulkan)).Kind);
        Assert.Equal(ErrorKind.EngineNotFound, Assert.Throws<ModelOpsException>(() => _fixture.Open(pins, [], bundled, (ModelRuntimes.Variable, "vulkan")).Choose()).Kind);
    }

    [Fact]
    public async Task AGpuBackendThatCannotStartFallsBackToTheCpuAndSaysWhy()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the library is edited as ELF");
        // A real library that wants one that no machine has; the name is as long as that which it replaces.
        byte[] library = File.ReadAllBytes(Path.Combine(Package, "bins", RuntimeNames.Platform, "libggml-base.so"));
        int needed = library.AsSpan().IndexOf("libstdc++.so.6\0"u8);
        Assert.True(needed > 0);
        "libnodriver.so"u8.CopyTo(library.AsSpan(needed));
        string[] natives = [.. Directory.EnumerateFiles(Path.Combine(Package, "bins", RuntimeNames.Platform), "*.so")];
        string archive = _fixture.Archive("vulkan.tgz", [.. natives.Select(path => Entry($"package/bins/x/{Path.GetFileName(path)}", File.ReadAllBytes(path))), Entry("package/bins/x/libggml-vulkan.so", library)]);
        ModelRuntimes runtimes = _fixture.Open(Pins(("-vulkan", archive)));
        ModelRuntime added = await runtimes.AddAsync(RuntimeBackend.Vulkan, [archive], null, TestContext.Current.CancellationToken);
        Assert.Equal(["vulkan"], LlamaLibrary.GpuBackendsIn(added.Directory!));

        using TemporaryFolder folder = new();
        string[] command = ["run", GoldenLogits.PathOf("llama", "f32"), "a", "--raw", "--max-tokens", "2", "--format", "json"];
        (string, string?)[] environment = [(ModelRuntimes.DirectoryVariable, added.Directory)];
        CliOutcome plain = await CliProcess.RunAsync(folder.Path, command), inProcess = await CliProcess.RunAsync(folder.Path, command, environment: environment),
            isolated = await CliProcess.RunAsync(folder.Path, [.. command, "--isolate"], environment: environment);

        Assert.DoesNotContain("warning", plain.Error, StringComparison.Ordinal);
        Assert.All([inProcess, isolated], run =>
        {
            Assert.Equal(0, run.ExitCode);
            Assert.Contains("vulkan: libnodriver.so: cannot open shared object file", run.Error, StringComparison.Ordinal);
            Assert.Contains("run on the CPU", run.Error, StringComparison.Ordinal);
            Assert.Equal(2, run.Json.GetProperty("tokens").GetArrayLength());
        });
        CliOutcome list = await CliProcess.RunAsync(folder.Path, ["runtime", "list", "--format", "json"], environment: environment);
        Assert.Contains("libnodriver.so", list.Json.GetProperty("warning").GetString(), StringComparison.Ordinal);
        Assert.Equal(added.Directory, list.Json.GetProperty("choice").GetProperty("directory").GetString());
    }

    /// <summary>The real package through the real npm client, where its registry is in reach: 27 MB.</summary>
    [Fact]
    public async Task NpmBringsTheVulkanRuntime()
    {
        Assert.SkipUnless(PinnedRuntimes.Embedded.For(RuntimeNames.Platform).ContainsKey(RuntimeBackend.Vulkan), "no Vulkan build for this platform");
        using TemporaryFolder folder = new();
        (string, string?)[] environment = [("XDG_DATA_HOME", folder.File("data"))];
        CliOutcome added = await CliProcess.RunAsync(folder.Path, ["runtime", "add", "vulkan", "--format", "json"], environment: environment);
        Assert.SkipWhen(added.ExitCode == ErrorKind.NetworkFailure.ExitCode(), "npm's registry is not in reach");
        Assert.Equal(0, added.ExitCode);
        Assert.Equal("installed", added.Json.GetProperty("state").GetString());

        CliOutcome run = await CliProcess.RunAsync(folder.Path, ["run", GoldenLogits.PathOf("llama", "f32"), "a", "--raw", "--max-tokens", "2", "--format", "json", "--runtime", "vulkan"], environment: environment);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(2, run.Json.GetProperty("tokens").GetArrayLength());
        CliOutcome list = await CliProcess.RunAsync(folder.Path, ["runtime", "list", "--format", "json", "--runtime", "vulkan"], environment: environment);
        Assert.Equal("vulkan", list.Json.GetProperty("choice").GetProperty("backend").GetString());
        // Either it shows a GPU, or it says why not.
        Assert.True(list.Json.GetProperty("devices").GetArrayLength() > 0 || list.Json.GetProperty("warning").GetString()!.Contains("vulkan", StringComparison.Ordinal));
        Assert.Equal(0, (await CliProcess.RunAsync(folder.Path, ["runtime", "remove", "vulkan"], environment: environment)).ExitCode);
    }

    private static readonly EqualityComparer<IEnumerable<string>> Unordered = EqualityComparer<IEnumerable<string>>.Create((left, right) => left!.Order(StringComparer.Ordinal).SequenceEqual(right!.Order(StringComparer.Ordinal)), list => list.Count());

    private sealed class Interruption(CancellationTokenSource stop) : IProgress<string>
    {
        public bool Came { get; private set; }

        public void Report(string value)
        {
            Came = true;
            stop.Cancel();
        }
    }
}
