using System.Globalization;

namespace ModelOps.Benchmarks.Transfer;

/// <summary>The download against what it promises: speed by connections, curl, memory, kills.</summary>
internal static class TransferBenchmark
{
    public const string Help = "[connections] [loopback] [memory] [kills] [--folder DIR] [--pairs N] [--mib N]: the download; all four unless named";

    public static async Task RunAsync(string[] args)
    {
        var parts = new Dictionary<string, Func<Settings, Task>>
        {
            ["connections"] = ConnectionsBenchmark.RunAsync,
            ["loopback"] = LoopbackBenchmark.RunAsync,
            ["memory"] = MemoryBenchmark.RunAsync,
            ["kills"] = KillsBenchmark.RunAsync,
        };
        var settings = new Settings(Path.GetTempPath(), 5, null);
        var chosen = new List<string>();
        for (int i = 0; i < args.Length; i++)
        {
            if (parts.ContainsKey(args[i]))
                chosen.Add(args[i]);
            else if (i + 1 == args.Length)
                throw new BenchmarkException(Help);
            else
                settings = Read(settings, args[i], args[++i]);
        }
        foreach (string part in chosen.Count == 0 ? parts.Keys.ToList() : chosen)
            await parts[part](settings);
    }

    private static Settings Read(Settings settings, string option, string value) => option switch
    {
        "--folder" => settings with { Folder = Path.GetFullPath(value) },
        "--pairs" => settings with { Pairs = int.Parse(value, CultureInfo.InvariantCulture) },
        "--mib" => settings with { Bytes = long.Parse(value, CultureInfo.InvariantCulture) << 20 },
        _ => throw new BenchmarkException(Help),
    };

    /// <param name="Folder">Where everything is written.</param>
    /// <param name="Pairs">How often two ways are compared.</param>
    /// <param name="Bytes">Size of the model, instead of each benchmark's own.</param>
    public sealed record Settings(string Folder, int Pairs, long? Bytes)
    {
        public long Size(long bytes) => Bytes ?? bytes;
    }
}
