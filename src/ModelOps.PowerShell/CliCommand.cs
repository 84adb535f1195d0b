namespace ModelOps.PowerShell;

/// <summary>Where the command-line tool is, for what the module itself must not load.</summary>
internal static class CliCommand
{
    private const string Variable = "MODELOPS_CLI";
    private const string Library = "modelops.dll";

    /// <summary>How to start it: what MODELOPS_CLI names, else what lies beside the module, else modelops on the path.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>.</exception>
    public static IReadOnlyList<string> Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
        {
            return File.Exists(named) ? Start(named) : throw new ModelOpsException(ErrorKind.FileNotFound, $"{Variable} names '{named}', which is not there.", $"Set {Variable} to the modelops executable or {Library}, or unset it.");
        }
        var program = OperatingSystem.IsWindows() ? "modelops.exe" : "modelops";
        var module = Path.GetDirectoryName(typeof(CliCommand).Assembly.Location)!;
        string[] beside = [module, Path.Combine(module, "cli"), Path.GetDirectoryName(module)!, Path.Combine(Path.GetDirectoryName(module)!, "cli")];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Where(Path.IsPathFullyQualified);
        var found = beside.SelectMany(folder => (string[])[Path.Combine(folder, program), Path.Combine(folder, Library)])
            .Concat(path.Select(folder => Path.Combine(folder, program)))
            .FirstOrDefault(File.Exists);
        return found is not null
            ? Start(found)
            : throw new ModelOpsException(ErrorKind.FileNotFound, "The command-line tool modelops, which serves, was not found.", $"Install it (dotnet tool install ModelOps.Cli), or name it with the environment variable {Variable}.");
    }

    private static IReadOnlyList<string> Start(string file) => Path.GetExtension(file).Equals(".dll", StringComparison.OrdinalIgnoreCase) ? ["dotnet", file] : [file];
}
