using System.Diagnostics;
using System.Text.Json;
using ModelOps.Tests;

namespace ModelOps.Benchmarks.Serving;

/// <summary><c>modelops serve</c> in a process of its own, and what the system says of it and of the workers under it.</summary>
internal sealed class ServedProcess : IAsyncDisposable
{
    private readonly Process _process;

    private ServedProcess(Process process, Uri endpoint) => (_process, Endpoint) = (process, endpoint);

    public Uri Endpoint { get; }

    public static async Task<ServedProcess> StartAsync(IReadOnlyList<string> arguments)
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string cli = Path.Combine(TestPaths.RepositoryRoot, "src", "ModelOps.Cli", "bin", configuration, "net10.0", "modelops.dll");
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [cli, "serve", "--format", "json", "--quiet", "--with-input", "--url", "http://127.0.0.1:0", .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        Process process = Process.Start(start)!;
        var text = new System.Text.StringBuilder();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            text.AppendLine(line);
            if (line == "}")
                break;
        }
        JsonElement said = JsonElement.Parse(text.ToString());
        return said.TryGetProperty("endpoint", out JsonElement endpoint) ? new ServedProcess(process, new Uri(endpoint.GetString()!)) : throw new BenchmarkException($"The server did not start: {text}");
    }

    /// <summary>Private memory in bytes, open files and threads: of the server, then of its worker.</summary>
    public (Usage Server, Usage Worker) Read()
    {
        int worker = Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!)).FirstOrDefault(id => Parent(id) == _process.Id);
        return (Usage.Of(_process.Id), Usage.Of(worker));
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static int Parent(int id)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{id}/stat");
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1]);
        }
        catch (IOException)
        {
            return 0; // it has just ended
        }
    }
}

/// <summary>What a process holds.</summary>
/// <param name="Bytes">Memory of its own (RssAnon).</param>
/// <param name="Files">Open files.</param>
/// <param name="Threads">Threads.</param>
internal sealed record Usage(long Bytes, int Files, int Threads)
{
    public static Usage Of(int id)
    {
        Dictionary<string, string> status = File.ReadLines($"/proc/{id}/status").Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0], pair => pair[1].Trim());
        return new Usage(long.Parse(status["RssAnon"].Split(' ')[0]) * 1024, Directory.EnumerateFileSystemEntries($"/proc/{id}/fd").Count(), int.Parse(status["Threads"]));
    }

    public override string ToString() => $"{Table.Size(Bytes)}, {Files} files, {Threads} threads";
}
