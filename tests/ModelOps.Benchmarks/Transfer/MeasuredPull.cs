using System.Diagnostics;
using System.Security.Cryptography;
using ModelOps.Tests;
using ModelOps.Tests.Transfer.Faults;

namespace ModelOps.Benchmarks.Transfer;

/// <summary>A download in a process of its own, into a store of its own.</summary>
internal sealed class MeasuredPull : IDisposable
{
    private readonly Uri _endpoint;

    /// <param name="folder">Where the store's folder is made.</param>
    /// <param name="endpoint">The hub.</param>
    public MeasuredPull(string folder, Uri endpoint)
    {
        _endpoint = endpoint;
        Home = Directory.CreateDirectory(Path.Combine(folder, "store-" + Path.GetRandomFileName())).FullName;
    }

    public string Home { get; }

    private static string Configuration => new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    /// <summary><c>modelops pull</c>, with these options besides.</summary>
    public Task<Measured> RunAsync(Action<Process>? started = null, params string[] options) =>
        Measured.RunAsync(Start([Path.Combine(TestPaths.RepositoryRoot, "src", "ModelOps.Cli", "bin", Configuration, "net10.0", "modelops.dll"), "pull", RandomModel.Repository, "--format", "json", .. options]), started);

    /// <summary>Names in the store that say "complete" and are not.</summary>
    public IEnumerable<string> Wrong(RandomModel model)
    {
        string blobs = Path.Combine(Home, "hub", "models--" + RandomModel.Repository.Replace("/", "--", StringComparison.Ordinal), "blobs", model.Sha256);
        if (!File.Exists(blobs))
            return Directory.EnumerateFileSystemEntries(Home, RandomModel.WeightsName, SearchOption.AllDirectories);
        using FileStream content = File.OpenRead(blobs);
        return Convert.ToHexStringLower(SHA256.HashData(content)) == model.Sha256 ? [] : [blobs];
    }

    public bool IsComplete(RandomModel model) => Directory.EnumerateFileSystemEntries(Home, RandomModel.WeightsName, SearchOption.AllDirectories).Any() && !Wrong(model).Any();

    public void Dispose() => Directory.Delete(Home, recursive: true);

    private ProcessStartInfo Start(string[] args)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", args);
        start.Environment["HF_HOME"] = Home;
        start.Environment["HF_HUB_CACHE"] = Path.Combine(Home, "hub");
        start.Environment["HF_ENDPOINT"] = _endpoint.AbsoluteUri;
        foreach (string name in (string[])["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
            start.Environment.Remove(name);
        return start;
    }
}
