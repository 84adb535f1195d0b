using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace ModelOps.Tests.Pester;

/// <summary>What became of a file's tests: each file is run once, in a PowerShell of its own, when the first of its tests is asked for.</summary>
internal sealed record PesterRun(IReadOnlyList<string> Problems, IReadOnlyList<PesterRun.Test> Tests)
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<PesterRun>>> Runs = new(StringComparer.Ordinal);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);
    // Not an expectation: the point where a hanging shell is given up.
    private static readonly TimeSpan GiveUp = TimeSpan.FromMinutes(10);

    /// <summary>What the file's tests have left in the temporary folder.</summary>
    public IReadOnlyList<string> Left { get; init; } = [];

    internal sealed record Test(string Path, string Name, string Result, string Message);

    /// <summary>Why no Pester test can run on this machine; null when they can.</summary>
    public static Lazy<Task<string?>> Obstacle { get; } = new(FindObstacleAsync);

    private static string? Shell { get; } = FindShell();

    public static Task<PesterRun> OfAsync(string file) => Runs.GetOrAdd(file, name => new Lazy<Task<PesterRun>>(() => RunAsync(name))).Value;

    private static string? FindShell()
    {
        if (Environment.GetEnvironmentVariable("MODELOPS_PWSH") is { Length: > 0 } named)
        {
            return named;
        }
        var name = OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh";
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    private static async Task<string?> FindObstacleAsync()
    {
        if (Shell is null)
        {
            return "No pwsh on PATH; MODELOPS_PWSH can name one (PowerShell 7.6 or later).";
        }
        var (code, output) = await StartAsync(Path.GetTempPath(), "-Command", "$PSVersionTable.PSVersion.ToString(); (Get-Module -ListAvailable Pester | Sort-Object Version | Select-Object -Last 1).Version.ToString()");
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (lines.Length == 0 || !Version.TryParse(lines[0].Split('-')[0], out var shell) || shell < new Version(7, 6))
        {
            return $"{Shell} is not PowerShell 7.6 or later: {output.Trim()}";
        }
        return code == 0 && lines.Length > 1 && Version.TryParse(lines[1], out var pester) && pester >= new Version(5, 5)
            ? null
            : "PowerShell has no Pester 5.5 or later: Install-Module Pester";
    }

    private static async Task<PesterRun> RunAsync(string file)
    {
        // Short, since sockets are made in it, whose paths may have about a hundred characters.
        var temporary = Directory.CreateTempSubdirectory("pester-");
        try
        {
            var result = Path.Combine(temporary.FullName, "result.json");
            var (code, output) = await StartAsync(temporary.FullName, "-File", Path.Combine(PesterFile.Folder, "Invoke-Tests.ps1"), "-Path", Path.Combine(PesterFile.Folder, file), "-Result", result);
            if (!File.Exists(result))
            {
                return new PesterRun([$"pwsh ended with {code} and no result:\n{output}"], []);
            }
            var run = JsonSerializer.Deserialize<PesterRun>(await File.ReadAllTextAsync(result), Json)!;
            return run with { Left = [.. Directory.EnumerateFileSystemEntries(temporary.FullName, "modelops*").Select(path => Path.GetFileName(path))] };
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    private static async Task<(int Code, string Output)> StartAsync(string temporary, params string[] arguments)
    {
        var start = new ProcessStartInfo(Shell!, ["-NoLogo", "-NoProfile", "-NonInteractive", .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["TMPDIR"] = temporary, ["TEMP"] = temporary, ["TMP"] = temporary },
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(GiveUp);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
        }
        return (process.HasExited ? process.ExitCode : -1, await output + await errors);
    }
}
