namespace ModelOps.Runtimes;

/// <summary>The libraries that came with ModelOps: <c>llama/&lt;platform&gt;</c> beside the assembly, or beside the program.</summary>
internal static class BundledRuntime
{
    /// <summary>Where it is looked for. Inside PowerShell the base directory is pwsh's; the assembly's is the module's.</summary>
    public static IReadOnlyList<string> Bases { get; } = [.. new[] { Path.GetDirectoryName(typeof(BundledRuntime).Assembly.Location) ?? "", AppContext.BaseDirectory }.Where(path => path.Length > 0).Select(Path.GetFullPath).Distinct(StringComparer.Ordinal)];

    /// <summary>The folder of a platform's build, where there is one with something in it.</summary>
    public static string? Find(string platform) => Bases.Select(folder => Path.Combine(folder, "llama", platform)).FirstOrDefault(folder => Directory.Exists(folder) && Directory.EnumerateFiles(folder).Any());
}
