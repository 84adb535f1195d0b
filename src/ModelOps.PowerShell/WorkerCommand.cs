namespace ModelOps.PowerShell;

/// <summary>How the worker process is started: the shell's own executable loads the core and serves.</summary>
internal static class WorkerCommand
{
    public static IReadOnlyList<string> Create()
    {
        var core = typeof(WorkerHost).Assembly.Location;
        var script = $"Add-Type -LiteralPath '{core.Replace("'", "''", StringComparison.Ordinal)}'; exit [ModelOps.WorkerHost]::Run('{{pipe}}')";
        return [FindShell(), "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script];
    }

    private static string FindShell()
    {
        // A shell that hosts us is the right version by definition.
        if (Environment.ProcessPath is { } own && Path.GetFileNameWithoutExtension(own).StartsWith("pwsh", StringComparison.OrdinalIgnoreCase))
        {
            return own;
        }
        if (Environment.GetEnvironmentVariable("MODELOPS_PWSH") is { Length: > 0 } named && File.Exists(named))
        {
            return named;
        }
        var name = OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh";
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Where(Path.IsPathFullyQualified)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
        return found ?? throw new ModelOpsException(
            ErrorKind.EngineNotFound,
            $"This process ({Environment.ProcessPath}) is not pwsh, and no {name} was found to run the engine in.",
            "Install PowerShell 7.6 or later and put it on PATH, or name it in MODELOPS_PWSH.");
    }
}
