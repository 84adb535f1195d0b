using System.Diagnostics;
using System.Globalization;
using ModelOps.Server;
using ModelOps.Tests;
using ModelOps.Tests.Fit;

namespace ModelOps.Benchmarks.Fit;

/// <summary>What a fit of repositories of hundreds of GB reads and takes: DeepSeek V3, as published and as GGUF shards, behind the bundled server.</summary>
internal static class RemoteFitBenchmark
{
    public const string Help = "fit-remote  bytes and seconds of a fit of DeepSeek V3 over loopback: its checkpoint, and GGUF in 10 and in 100 shards.";

    public static async Task RunAsync(string[] args)
    {
        var root = Directory.CreateTempSubdirectory("modelops-fit-").FullName;
        try
        {
            var store = new SparseStore(Path.Combine(root, "hub"));
            var checkpoint = store.Add("lab/v3", DeepSeekLayout.Checkpoint());
            var folder = Directory.EnumerateDirectories(Path.Combine(root, "hub", "models--lab--v3", "snapshots")).Single();
            var few = store.Add("lab/v3-gguf", DeepSeekLayout.Gguf(folder, "Q4_K_M", 45_000_000_000));
            var many = store.Add("lab/v3-gguf-small", DeepSeekLayout.Gguf(folder, "Q4_K_M", 4_300_000_000));
            var log = new ServedBytes();
            await using var server = await HubServer.StartAsync(new MirrorOptions { Store = store.Options, AccessLog = log.Add });
            Console.WriteLine($"Process started {Process.GetCurrentProcess().StartTime:O}; {Environment.ProcessorCount} processors.");
            var table = new Table("A fit of what is on a hub, loopback", "repository", "size", "read", "requests", "first in a process", "again, nothing kept", "kept: requests", "kept", "modelops fit", "modelops fit, kept");
            foreach (var (name, repository, bytes, type) in new[] { ("GGUF Q4_K_M", "lab/v3-gguf", few, null), ("GGUF Q4_K_M", "lab/v3-gguf-small", many, null), ("checkpoint, as Q4_K_M", "lab/v3", checkpoint, "Q4_K_M") })
            {
                var (first, read, requests) = await FindAsync(server, log, repository, type, null);
                var again = Table.Median([(await FindAsync(server, log, repository, type, null)).Seconds, (await FindAsync(server, log, repository, type, null)).Seconds, (await FindAsync(server, log, repository, type, null)).Seconds]);
                var cache = new ShapeCache(Path.Combine(root, "cache"));
                await FindAsync(server, log, repository, type, cache);
                var (kept, _, questions) = await FindAsync(server, log, repository, type, cache);
                var home = Directory.CreateDirectory(Path.Combine(root, "home-" + Path.GetFileName(repository))).FullName;
                var process = await ProcessAsync(server, home, repository, type);
                var processKept = await ProcessAsync(server, home, repository, type);
                var shards = Directory.EnumerateFiles(Directory.EnumerateDirectories(Path.Combine(root, "hub", $"models--{repository.Replace("/", "--", StringComparison.Ordinal)}", "snapshots")).Single()).Count(file => Path.GetExtension(file) is ".gguf" or ".safetensors");
                table.Row(
                    $"{name}, {shards} shards", $"{bytes / 1_000_000_000} GB", Table.Size(read), Number(requests), Table.Seconds(first), Table.Seconds(again), Number(questions), Table.Seconds(kept), Table.Seconds(process.Seconds), Table.Seconds(processKept.Seconds));
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task<(double Seconds, long Read, int Requests)> FindAsync(HubServer server, ServedBytes log, string repository, string? type, ShapeCache? cache)
    {
        var before = log.Now;
        var begin = Stopwatch.GetTimestamp();
        using var hub = new HubClient(new HubOptions { Endpoint = server.Endpoint });
        var found = await ModelShapeReader.FindAsync(hub, repository, null, null, type ?? "BF16", cache);
        FitEstimator.Estimate(found.Shape, Machines.WithGpus(64, 24, 24), new FitRequest());
        var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        var (bytes, requests) = log.Now;
        return (seconds, bytes - before.Bytes, requests - before.Requests);
    }

    private static async Task<Measured> ProcessAsync(HubServer server, string home, string repository, string? type)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var start = new ProcessStartInfo(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            [Path.Combine(TestPaths.RepositoryRoot, "src", "ModelOps.Cli", "bin", configuration, "net10.0", "modelops.dll"), "fit", repository, "--format", "json", .. type is null ? (string[])[] : ["--type", type]]);
        start.Environment["HF_HOME"] = home;
        start.Environment["HF_HUB_CACHE"] = Path.Combine(home, "hub");
        start.Environment["HF_ENDPOINT"] = server.Endpoint.AbsoluteUri;
        foreach (var name in (string[])["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
            start.Environment.Remove(name);
        var measured = await Measured.RunAsync(start);
        // 5: it does not fit here, which is an answer.
        return measured.ExitCode is 0 or 5 ? measured : measured.Good();
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What a server has sent, from its access log.</summary>
internal sealed class ServedBytes
{
    private readonly Lock _lock = new();
    private long _bytes;
    private int _requests;

    public (long Bytes, int Requests) Now
    {
        get
        {
            lock (_lock)
                return (_bytes, _requests);
        }
    }

    /// <summary>Adds a line: client, method, path, status, bytes, milliseconds.</summary>
    public void Add(string line)
    {
        var bytes = long.Parse(line.Split(' ')[4], CultureInfo.InvariantCulture);
        lock (_lock)
            (_bytes, _requests) = (_bytes + bytes, _requests + 1);
    }
}
