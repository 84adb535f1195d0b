using System.Text.Json;

namespace ModelOps.Runtimes;

/// <summary>
/// The packages of the pinned llama.cpp build, each with the digest that its archive must have: read from natives/runtimes/package-lock.json, which npm
/// wrote and the build embeds. Nothing else is ever unpacked.
/// </summary>
internal sealed class PinnedRuntimes
{
    private const string Scope = "@node-llama-cpp/";

    // What a package's name adds to the platform's.
    private static readonly (string Suffix, RuntimeBackend Backend)[] Suffixes = [("", RuntimeBackend.Cpu), ("-vulkan", RuntimeBackend.Vulkan), ("-cuda", RuntimeBackend.Cuda), ("-metal", RuntimeBackend.Metal)];

    private readonly Dictionary<string, RuntimePackage> _packages;

    private PinnedRuntimes(Dictionary<string, RuntimePackage> packages) => _packages = packages;

    /// <summary>Those that this version is built for.</summary>
    public static PinnedRuntimes Embedded { get; } = Read();

    /// <summary>Reads a lock file of npm (version 3).</summary>
    public static PinnedRuntimes FromLock(Stream json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        Dictionary<string, RuntimePackage> packages = new(StringComparer.Ordinal);
        foreach (JsonProperty entry in document.RootElement.GetProperty("packages").EnumerateObject().Where(entry => entry.Name.Length > 0))
        {
            string name = entry.Name["node_modules/".Length..];
            packages[name] = new RuntimePackage(name, entry.Value.GetProperty("version").GetString()!, entry.Value.GetProperty("integrity").GetString()!);
        }
        return new PinnedRuntimes(packages);
    }

    /// <summary>The runtimes that exist for a platform, each with its packages in the order in which they are laid over one another.</summary>
    public IReadOnlyDictionary<RuntimeBackend, IReadOnlyList<RuntimePackage>> For(string platform)
    {
        SortedDictionary<RuntimeBackend, IReadOnlyList<RuntimePackage>> runtimes = [];
        foreach ((string suffix, RuntimeBackend backend) in Suffixes)
        {
            if (_packages.TryGetValue(Scope + platform + suffix, out RuntimePackage? package))
            {
                runtimes[backend] = [package];
            }
        }
        // The extension holds CUDA's backend once more, built for CUDA 12, and nothing else.
        if (runtimes.TryGetValue(RuntimeBackend.Cuda, out IReadOnlyList<RuntimePackage>? cuda) && _packages.TryGetValue($"{Scope}{platform}-cuda-ext", out RuntimePackage? extension))
        {
            runtimes[RuntimeBackend.Cuda12] = [.. cuda, extension];
        }
        return runtimes;
    }

    private static PinnedRuntimes Read()
    {
        using Stream stream = typeof(PinnedRuntimes).Assembly.GetManifestResourceStream("ModelOps.Runtimes.package-lock.json")!;
        return FromLock(stream);
    }
}
