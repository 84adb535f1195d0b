using System.Globalization;

namespace ModelOps.Benchmarks.Conversion;

/// <summary>The conversion of a large checkpoint against what it promises: the speed of a copy, bounded memory, kills.</summary>
internal static class ConversionBenchmark
{
    public const string Help = "[copy] [memory] [kills] [--folder DIR] [--pairs N] [--mb N] [--option OPTION]: the conversion; all three unless named";

    public static async Task RunAsync(string[] args)
    {
        var parts = new Dictionary<string, Func<Settings, Task>>
        {
            ["copy"] = CopyBenchmark.RunAsync,
            ["memory"] = PeakBenchmark.RunAsync,
            ["kills"] = ResumeBenchmark.RunAsync,
        };
        var settings = new Settings(Path.GetTempPath(), 5, null, []);
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
        "--mb" => settings with { Bytes = long.Parse(value, CultureInfo.InvariantCulture) * 1_000_000 },
        "--option" => settings with { Options = [.. settings.Options, value] },
        _ => throw new BenchmarkException(Help),
    };

    /// <param name="Folder">Where everything is written.</param>
    /// <param name="Pairs">How often two ways are compared.</param>
    /// <param name="Bytes">Size of the checkpoint, instead of each benchmark's own.</param>
    /// <param name="Options">Further options of <c>modelops convert</c>, such as <c>--no-provenance</c>.</param>
    public sealed record Settings(string Folder, int Pairs, long? Bytes, IReadOnlyList<string> Options);
}
