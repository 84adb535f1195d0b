using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps;

/// <summary>Where the store is. It is the hub cache that other tools use as well.</summary>
public sealed record StoreOptions
{
    /// <summary>The folder of <c>models--org--repo</c> folders (HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub).</summary>
    public required string Directory { get; init; }

    /// <summary>
    /// Stores that others look after, in the order in which they are looked into after <see cref="Directory"/>: what they have is found and not fetched
    /// again, and nothing in them is ever changed (MODELOPS_SHARED_STORE, a list as PATH is).
    /// </summary>
    public IReadOnlyList<string> SharedDirectories { get; init; } = [];

    /// <summary>Folder for what ModelOps itself has derived and can derive again, such as shapes of models on the hub ($HF_HOME/modelops); null keeps nothing.</summary>
    public string? CacheDirectory { get; init; }

    /// <summary>Folder that relative paths of MODEL start from; null is the process's, which is not where a PowerShell session is.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Connections a download may use at once, at most; it takes as many as make it faster. 0 leaves the most to it (16).</summary>
    public int Connections { get; init; }

    /// <summary>Bytes a second that a download may take over all its connections; null for as many as come.</summary>
    public long? MaximumBytesPerSecond { get; init; }

    /// <summary>
    /// Whether snapshots are links to blobs (not with HF_HUB_DISABLE_SYMLINKS). Where the system refuses links, as Windows does to ordinary users,
    /// files are moved or copied into the snapshot all the same.
    /// </summary>
    public bool Symlinks { get; init; } = true;

    /// <summary>Knobs of the download that only tests turn.</summary>
    internal TransferOptions Transfer { get; init; } = new();

    /// <summary>What the files of one download share.</summary>
    internal TransferSession StartTransfer(long totalBytes, IProgress<TransferProgress>? progress, HubOptions hub) =>
        TransferSession.Start(Transfer with { Connections = Connections, MaximumBytesPerSecond = MaximumBytesPerSecond }, totalBytes, progress, hub);

    /// <summary>Options from environment variables; <paramref name="read"/> is replaced in tests.</summary>
    public static StoreOptions FromEnvironment(Func<string, string?>? read = null)
    {
        var environment = new HubEnvironment(read);
        return new StoreOptions
        {
            Directory = environment.HubCache,
            SharedDirectories = environment.Paths("MODELOPS_SHARED_STORE"),
            CacheDirectory = Path.Combine(environment.Home, "modelops"),
            Symlinks = !environment.IsTrue("HF_HUB_DISABLE_SYMLINKS"),
        };
    }
}

/// <summary>A file of an installed model.</summary>
/// <param name="Path">Path in the repository.</param>
/// <param name="Bytes">Size.</param>
/// <param name="Sha256">SHA-256 of the content. A listing does not know it for small files, which are named by git's blob id: null there.</param>
public sealed record InstalledFile(string Path, long Bytes, string? Sha256);

/// <summary>A model in the store.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Variant">Variant: a quantization type, or <c>safetensors</c>.</param>
/// <param name="Kind">What it is made of.</param>
/// <param name="Path">What <c>-Model</c> takes: the GGUF file (first shard), or the checkpoint's folder.</param>
/// <param name="Bytes">Size of its files: what a copy of it takes elsewhere. Models that share a blob each count it.</param>
/// <param name="Files">Its files.</param>
/// <param name="LastUsed">When a file of it was last read or written.</param>
public sealed record InstalledModel(string Repository, string Commit, string Variant, ModelKind Kind, string Path, long Bytes, IReadOnlyList<InstalledFile> Files, DateTimeOffset LastUsed)
{
    /// <summary>Bytes on disk that nothing else in the store uses, each content once: what removing it frees.</summary>
    public long UniqueBytes { get; init; }

    /// <summary>Branches and tags that stood for the commit when they were last downloaded.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Whether the commit is the newest of <c>main</c> that this store has seen.</summary>
    public bool IsCurrent { get; init; }

    /// <summary>Files of it that are not there: shards that were never fetched, links to blobs that are gone.</summary>
    public IReadOnlyList<string> MissingFiles { get; init; } = [];

    /// <summary>Whether it can be used: its weights, and what they cannot do without, are there.</summary>
    public bool IsComplete { get; init; } = true;

    /// <summary>The folder of the store that has it.</summary>
    public string Store { get; init; } = "";

    /// <summary>Whether that is a shared store, in which nothing is ever changed.</summary>
    public bool IsShared { get; init; }
}

/// <summary>Something in a store that is not as it should be, or that is not known.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Path">File or folder.</param>
/// <param name="Message">What is wrong with it.</param>
public sealed record StoreNote(string Repository, string Path, string Message);

/// <summary>A model on this disk, whatever it was named by.</summary>
/// <param name="Path">The GGUF file, or the checkpoint's folder.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Repository">The repository it came from, when known.</param>
public sealed record ResolvedModel(string Path, ModelKind Kind, string? Repository);
