using ModelOps.Runtimes;

namespace ModelOps;

/// <summary>
/// The builds of the pinned llama.cpp libraries on this machine: which exist, which are installed, and which one models run on. Packages come through the npm client or
/// from a file, and only with the digest that this version was built with.
/// </summary>
public sealed class ModelRuntimes
{
    /// <summary>Environment variable that names a runtime, or <c>auto</c>; above what <see cref="Use"/> kept.</summary>
    public const string Variable = "MODELOPS_RUNTIME";
    /// <summary>Environment variable that names a folder of libraries; above everything.</summary>
    public const string DirectoryVariable = "MODELOPS_LLAMA_DIR";

    private static readonly Lazy<IReadOnlyList<Device>> LocalGpus = new(() => [.. HardwareInventory.Read().Devices.Where(device => device.Kind != DeviceKind.Cpu)]);

    private readonly ModelRuntimesOptions _options;
    private readonly IReadOnlyDictionary<RuntimeBackend, IReadOnlyList<RuntimePackage>> _pins;
    private readonly RuntimeFolder? _folder;

    /// <summary>Those of this user.</summary>
    public ModelRuntimes(ModelRuntimesOptions? options = null)
    {
        _options = options ?? new ModelRuntimesOptions();
        _pins = _options.Pins.For(RuntimeNames.Platform);
        _folder = (_options.Root ?? RuntimeFolder.DefaultRoot(_options.Environment)) is { } root ? new RuntimeFolder(root) : null;
    }

    /// <summary>The names that <see cref="Use"/> and MODELOPS_RUNTIME take on this platform.</summary>
    public static IReadOnlyList<string> Names => [.. PinnedRuntimes.Embedded.For(RuntimeNames.Platform).Keys.Select(RuntimeNames.Of), RuntimeNames.Automatic];

    /// <summary>A backend by its name; null for <c>auto</c>.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static RuntimeBackend? Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return RuntimeNames.Parse(name, "The command");
    }

    /// <summary>A backend by its name, where <c>auto</c> will not do.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static RuntimeBackend ParseOne(string name)
        => Parse(name) ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"{RuntimeNames.Automatic} is a way to choose among runtimes, not one of them.", "See what there is: modelops runtime list");

    /// <summary>The runtimes that exist for this platform, with the chosen one marked; none where what was asked for cannot be had (<see cref="Choose"/> says so).</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when MODELOPS_RUNTIME names none.</exception>
    public IReadOnlyList<ModelRuntime> List()
    {
        RuntimeChoice? choice = null;
        try
        {
            choice = Choose();
        }
        catch (ModelOpsException exception) when (exception.Kind == ErrorKind.EngineNotFound)
        {
            // What is there is asked for most where what was chosen is gone.
        }
        return [.. States().Select(runtime => runtime.Directory is not null && runtime.Directory == choice?.Directory ? runtime with { IsChosen = true, Reason = choice.Reason } : runtime)];
    }

    /// <summary>The libraries that models of this process run on.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> or <see cref="ErrorKind.EngineNotFound"/> when what was asked for cannot be had.</exception>
    public RuntimeChoice Choose()
    {
        if (_options.Environment(DirectoryVariable) is { Length: > 0 } directory)
        {
            return new RuntimeChoice(null, Path.GetFullPath(directory), $"{DirectoryVariable} names it.");
        }
        (string, RuntimeBackend?)? wish = _options.Environment(Variable) is { Length: > 0 } name ? (Variable, RuntimeNames.Parse(name, Variable))
            : _folder?.Wish is { } kept ? ("The choice made with 'runtime use'", kept) : null;
        return new RuntimeSelection { Wish = wish, Runtimes = States(), Gpus = _options.Gpus ?? (() => LocalGpus.Value) }.Choose();
    }

    /// <summary>What <see cref="Choose"/> gives, with advice on what the hardware could do better with.</summary>
    public RuntimeChoice Explain()
        => Choose() with { Advice = new RuntimeSelection { Runtimes = States(), Gpus = _options.Gpus ?? (() => LocalGpus.Value) }.Advice() };

    /// <summary>What would be added.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when there is no such runtime for this platform.</exception>
    public ModelRuntime Plan(RuntimeBackend backend)
    {
        IReadOnlyList<RuntimePackage> packages = Pins(backend);
        return new ModelRuntime(backend, RuntimeNames.Platform, packages[0].Version, packages, RuntimeState.Available) { Directory = FolderOf(backend) };
    }

    /// <summary>
    /// Adds a runtime, unless it is there and whole. Whatever ends this early leaves the runtimes as they were.
    /// </summary>
    /// <param name="backend">Which.</param>
    /// <param name="files">Archives of its packages; what they do not cover, npm fetches. None: npm fetches all.</param>
    /// <param name="progress">Hears what is being done.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.ChecksumMismatch"/>, <see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.NetworkFailure"/>, <see cref="ErrorKind.FileNotFound"/>,
    /// <see cref="ErrorKind.StoreInUse"/>, <see cref="ErrorKind.StoreNotWritable"/>, <see cref="ErrorKind.InsufficientDiskSpace"/>.
    /// </exception>
    public async Task<ModelRuntime> AddAsync(RuntimeBackend backend, IReadOnlyList<string>? files = null, IProgress<string>? progress = null, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<RuntimePackage> packages = Pins(backend);
        if (files is { Count: > 0 } && files.Count != packages.Count)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The runtime {RuntimeNames.Of(backend)} is made of {packages.Count} {(packages.Count == 1 ? "archive" : "archives")}, not {files.Count}.",
                $"Name them in this order: {string.Join(", ", packages.Select(package => $"{package.Name} {package.Version}"))}.");
        }
        if (States().First(runtime => runtime.Backend == backend) is { State: RuntimeState.Installed } present)
        {
            return present;
        }
        await Folder.AddAsync(FolderOf(backend), backend, RuntimeNames.Platform, packages, _options.Time, async staging =>
        {
            string fetched = Path.Combine(staging, ".fetched"), archive = Path.Combine(staging, ".archive");
            for (int index = 0; index < packages.Count; index++)
            {
                string source;
                if (files is { Count: > 0 })
                {
                    source = files[index];
                }
                else
                {
                    progress?.Report($"Fetching {packages[index].Name} {packages[index].Version} with npm");
                    Directory.CreateDirectory(fetched);
                    source = await new NpmClient(_options.Environment).PackAsync(packages[index], fetched, cancellationToken).ConfigureAwait(false);
                }
                progress?.Report($"Checking and unpacking {packages[index].Name}");
                await PackageDigest.CopyVerifiedAsync(source, archive, packages[index], cancellationToken).ConfigureAwait(false);
                await PackageArchive.UnpackAsync(archive, staging, cancellationToken).ConfigureAwait(false);
                File.Delete(archive);
                if (Directory.Exists(fetched))
                {
                    Directory.Delete(fetched, recursive: true);
                }
            }
        }).ConfigureAwait(false);
        return States().First(runtime => runtime.Backend == backend);
    }

    /// <summary>Keeps a runtime as this user's choice; null goes back to the choice by hardware.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/> when it is not installed.</exception>
    public RuntimeChoice Use(RuntimeBackend? backend)
    {
        RuntimeFolder folder = Folder;
        if (backend is not null)
        {
            _ = new RuntimeSelection { Wish = ("The command", backend), Runtimes = States(), Gpus = () => [] }.Choose();
        }
        folder.Choose(backend);
        return Choose();
    }

    /// <summary>Removes a runtime that was added; if it was this user's choice, that ends too.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/> when it was not added, <see cref="ErrorKind.StoreNotWritable"/>.</exception>
    public ModelRuntime Remove(RuntimeBackend backend)
    {
        _ = Pins(backend);
        string path = FolderOf(backend);
        if (!Directory.Exists(path))
        {
            throw new ModelOpsException(ErrorKind.EngineNotFound, $"The runtime {RuntimeNames.Of(backend)} was not added.", "See what was: modelops runtime list");
        }
        ModelRuntime runtime = States(bundled: false).First(runtime => runtime.Backend == backend);
        Folder.Remove(path);
        if (Folder.Wish == backend && States().First(left => left.Backend == backend).Directory is null)
        {
            Folder.Choose(null);
        }
        return runtime with { State = RuntimeState.Available, Directory = null, Reason = null };
    }

    private RuntimeFolder Folder => _folder ?? throw new ModelOpsException(ErrorKind.StoreNotWritable, "This user has no home folder to keep runtimes in.", "Set XDG_DATA_HOME to a folder.");

    private IReadOnlyList<RuntimePackage> Pins(RuntimeBackend backend) => _pins.TryGetValue(backend, out IReadOnlyList<RuntimePackage>? packages) ? packages
        : throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no runtime {RuntimeNames.Of(backend)} for {RuntimeNames.Platform}.", $"There are {string.Join(", ", _pins.Keys.Select(RuntimeNames.Of))}.");

    private string FolderOf(RuntimeBackend backend) => Folder.PathOf(backend, RuntimeNames.Platform, _pins[backend][0].Version);

    private List<ModelRuntime> States(bool bundled = true) => [.. _pins.Select(pin => State(pin.Key, pin.Value, bundled))];

    private ModelRuntime State(RuntimeBackend backend, IReadOnlyList<RuntimePackage> packages, bool bundled)
    {
        ModelRuntime runtime = new(backend, RuntimeNames.Platform, packages[0].Version, packages, RuntimeState.Available);
        string? path = _folder?.PathOf(backend, RuntimeNames.Platform, packages[0].Version);
        if (path is not null && Directory.Exists(path))
        {
            (RuntimeManifest? manifest, string? fault) = Read(path, packages);
            return runtime with { State = fault is null ? RuntimeState.Installed : RuntimeState.Damaged, Directory = path, Bytes = manifest?.Files.Sum(file => file.Bytes), Reason = fault };
        }
        return bundled && _options.Bundled(RuntimeNames.Platform + Suffix(backend)) is { } beside
            ? runtime with { State = RuntimeState.Bundled, Directory = beside, Bytes = new DirectoryInfo(beside).EnumerateFiles().Sum(file => file.Length) }
            : runtime;
    }

    private static (RuntimeManifest? Manifest, string? Fault) Read(string path, IReadOnlyList<RuntimePackage> packages)
    {
        try
        {
            return RuntimeFolder.Read(path) is { } manifest ? (manifest, RuntimeFolder.Fault(path, manifest, packages)) : (null, "It has no manifest.");
        }
        catch (ModelOpsException exception) when (exception.Kind == ErrorKind.CorruptFile)
        {
            // One that is broken must not be in the way of the others, nor of its own repair.
            return (null, exception.Message);
        }
    }

    private static string Suffix(RuntimeBackend backend) => backend == RuntimeBackend.Cpu ? "" : "-" + RuntimeNames.Of(backend);
}

/// <summary>What the runtimes need of their surroundings.</summary>
public sealed record ModelRuntimesOptions
{
    /// <summary>Reads an environment variable.</summary>
    public Func<string, string?> Environment { get; init; } = System.Environment.GetEnvironmentVariable;
    /// <summary>Folder of the runtimes; null means the user's.</summary>
    public string? Root { get; init; }
    /// <summary>Clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
    /// <summary>The packages; tests pin their own.</summary>
    internal PinnedRuntimes Pins { get; init; } = PinnedRuntimes.Embedded;
    /// <summary>The GPUs that decide; null means this machine's.</summary>
    internal Func<IReadOnlyList<Device>>? Gpus { get; init; }
    /// <summary>The folder that came with ModelOps for a platform and backend (<c>linux-x64</c>, <c>mac-arm64-metal</c>), or null.</summary>
    internal Func<string, string?> Bundled { get; init; } = BundledRuntime.Find;
}
