using System.Collections.Concurrent;
using System.Diagnostics;
using Xunit;

namespace ModelOps.Tests;

/// <summary>What the lock files of the folders under tests/ name: programs that nobody here wrote, run by node.</summary>
internal static class NodePackages
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Tests of several classes run side by side, and npm empties a folder before it fills it.</summary>
    private static readonly ConcurrentDictionary<string, Lazy<Task>> Restored = new();

    /// <summary>Node, and a folder of tests with what its lock file names; skips the test, by name, where npm is absent.</summary>
    public static async Task<(string Node, string Folder)> RestoreAsync(string name = "node")
    {
        string? npm = FindCommand("npm");
        string? node = FindCommand("node");
        Assert.SkipWhen(npm is null || node is null, "npm or node is not installed");
        string folder = Path.Combine(TestPaths.RepositoryRoot, "tests", name);
        await Restored.GetOrAdd(folder, _ => new(() => Task.Run(() => InstallAsync(npm!, folder)))).Value;
        return (node!, folder);
    }

    public static string? FindCommand(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .SelectMany(folder => (OperatingSystem.IsWindows() ? (string[])[".cmd", ".exe"] : [""]).Select(extension => Path.Combine(folder, name + extension)))
        .FirstOrDefault(File.Exists);

    /// <summary>What a program writes; fails the test when it fails.</summary>
    public static async Task<string> RunAsync(string command, string folder, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var patience = new CancellationTokenSource(Patience);
        Task<string> output = process.StandardOutput.ReadToEndAsync(patience.Token);
        Task<string> errors = process.StandardError.ReadToEndAsync(patience.Token);
        await process.WaitForExitAsync(patience.Token);
        Assert.True(process.ExitCode == 0, $"{command} {string.Join(' ', arguments)}:\n{await errors}\n{await output}");
        return await output;
    }

    // npm leaves the hidden file when it is done; older than the lock file, it is of other packages.
    private static async Task InstallAsync(string npm, string folder)
    {
        if (File.GetLastWriteTimeUtc(Path.Combine(folder, "node_modules", ".package-lock.json")) < File.GetLastWriteTimeUtc(Path.Combine(folder, "package-lock.json")))
            await RunAsync(npm, folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error");
    }
}
