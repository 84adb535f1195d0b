namespace ModelOps;

/// <summary>What a build of the llama.cpp libraries computes on, besides the CPU, which each of them brings.</summary>
public enum RuntimeBackend
{
    /// <summary>The CPU alone.</summary>
    Cpu,
    /// <summary>GPUs of every maker, through Vulkan; needs the loader that comes with a GPU driver.</summary>
    Vulkan,
    /// <summary>NVIDIA's GPUs, with CUDA 13 (driver, cudart, cublas).</summary>
    Cuda,
    /// <summary>NVIDIA's GPUs, with CUDA 12.</summary>
    Cuda12,
    /// <summary>Apple's GPUs.</summary>
    Metal,
}

/// <summary>Whether a runtime can be used.</summary>
public enum RuntimeState
{
    /// <summary>It exists for this platform and can be added.</summary>
    Available,
    /// <summary>It was added.</summary>
    Installed,
    /// <summary>It came with ModelOps.</summary>
    Bundled,
    /// <summary>It was added, but files are missing or of another size.</summary>
    Damaged,
}

/// <summary>A build of the pinned llama.cpp libraries for this platform.</summary>
/// <param name="Backend">What it computes on.</param>
/// <param name="Platform">System and processor: <c>linux-x64</c>, <c>win-x64</c>, <c>mac-arm64</c>.</param>
/// <param name="Version">Version of the packages, <c>3.21.1</c>; the same for all, and never any other.</param>
/// <param name="Packages">The npm packages that it is made of.</param>
/// <param name="State">Whether it can be used.</param>
public sealed record ModelRuntime(RuntimeBackend Backend, string Platform, string Version, IReadOnlyList<RuntimePackage> Packages, RuntimeState State)
{
    /// <summary>Folder of its libraries; null when it is only available.</summary>
    public string? Directory { get; init; }
    /// <summary>Bytes on disk; null when it is only available.</summary>
    public long? Bytes { get; init; }
    /// <summary>Whether models of this process run on it.</summary>
    public bool IsChosen { get; init; }
    /// <summary>Why it is chosen, or what is wrong with it.</summary>
    public string? Reason { get; init; }
}

/// <summary>An npm package, pinned.</summary>
/// <param name="Name">Name, as in <c>@node-llama-cpp/linux-x64-vulkan</c>.</param>
/// <param name="Version">Version.</param>
/// <param name="Integrity">Digest of its archive as npm writes it: <c>sha512-</c> and base 64.</param>
public sealed record RuntimePackage(string Name, string Version, string Integrity);

/// <summary>The libraries that models of this process run on, and why.</summary>
/// <param name="Backend">What they compute on; null for a folder of the user's own.</param>
/// <param name="Directory">Their folder; null when there is none at all.</param>
/// <param name="Reason">Who or what chose them, as a sentence.</param>
public sealed record RuntimeChoice(RuntimeBackend? Backend, string? Directory, string Reason)
{
    /// <summary>What would be faster, as a sentence; null where nothing is known to be.</summary>
    public string? Advice { get; init; }
}
