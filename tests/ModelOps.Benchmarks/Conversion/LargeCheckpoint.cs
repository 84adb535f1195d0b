using System.Diagnostics;
using ModelOps.Tests;
using ModelOps.Tests.Conversion;

namespace ModelOps.Benchmarks.Conversion;

/// <summary>A sharded BF16 checkpoint of noise, and its conversion in a process of its own.</summary>
internal sealed class LargeCheckpoint : IDisposable
{
    private const int Width = 2048, Shards = 4;
    private const long LayerBytes = 26L * Width * Width;

    private readonly string _root;

    public LargeCheckpoint(string folder, long bytes)
    {
        _root = Directory.CreateDirectory(Path.Combine(folder, "conversion-" + Path.GetRandomFileName())).FullName;
        Folder = Path.Combine(_root, "noise");
        Bytes = NoiseCheckpoint.Write(Folder, Width, (int)Math.Max(1, (bytes + (LayerBytes / 2)) / LayerBytes), Shards);
    }

    public string Folder { get; }

    /// <summary>Bytes of the weights.</summary>
    public long Bytes { get; }

    public IEnumerable<string> Files => Directory.GetFiles(Folder, "*.safetensors").Order(StringComparer.Ordinal);

    public string Output => Path.Combine(_root, "out", "model.gguf");

    private static string Configuration => new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    /// <summary><c>modelops convert</c> to BF16, with these options besides.</summary>
    public Task<Measured> ConvertAsync(IReadOnlyList<string> options, Action<Process>? started = null) => ConvertAsync(Folder, "BF16", Output, options, started);

    /// <summary>The same of any source, to any type.</summary>
    public static Task<Measured> ConvertAsync(string source, string type, string output, IReadOnlyList<string> options, Action<Process>? started = null)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(output)!);
        string cli = Path.Combine(TestPaths.RepositoryRoot, "src", "ModelOps.Cli", "bin", Configuration, "net10.0", "modelops.dll");
        return Measured.RunAsync(new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [cli, "convert", source, "--type", type, "--output", output, "--format", "json", .. options]), started);
    }

    /// <summary><c>cp</c> of the same weights to the same disk, written through as a conversion is.</summary>
    public Task<Measured> CopyAsync() => ShellAsync("mkdir -p \"$0/copy\" && cp \"$@\" \"$0/copy\" && sync \"$0\"/copy/*", [_root, .. Files]);

    /// <summary>Removes what was written, and waits until the disk has nothing left to do.</summary>
    public async Task SettleAsync()
    {
        foreach (string folder in (string[])[Path.GetDirectoryName(Output)!, Path.Combine(_root, "copy")])
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
        (await ShellAsync("cat \"$@\" > /dev/null && sync", [_root, .. Files])).Good();
    }

    public async Task<string> DigestAsync()
    {
        await using FileStream file = File.OpenRead(Output);
        return Convert.ToHexStringLower(await System.Security.Cryptography.SHA256.HashDataAsync(file));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static Task<Measured> ShellAsync(string script, string[] arguments) => Measured.RunAsync(new ProcessStartInfo("/bin/sh", ["-c", script, .. arguments]));
}
