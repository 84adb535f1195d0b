using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace ModelOps.Runtimes;

/// <summary>
/// Fetches a package's archive with the user's own npm, and so from the registry, through the proxy and with the certificates that it is set up for. No script of
/// a package runs.
/// </summary>
internal sealed class NpmClient(Func<string, string?> environment)
{
    private const int MostWords = 2000;

    /// <summary>Brings the archive of one version into a folder; its path.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.NetworkFailure"/> with npm's last words; <see cref="ErrorKind.FileNotFound"/> when there is no npm.</exception>
    public async Task<string> PackAsync(RuntimePackage package, string folder, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(Find(package))
        {
            // An empty folder: no .npmrc of a project that this user happens to stand in.
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            CreateNoWindow = true,
        };
        foreach (string argument in (string[])["pack", $"{package.Name}@{package.Version}", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        {
            start.ArgumentList.Add(argument);
        }
        using Process process = Start(start);
        process.StandardInput.Close();
        StringBuilder words = new();
        void Hear(string? line)
        {
            lock (words)
            {
                if (line is not null && words.Length < MostWords)
                {
                    words.Append(line.Trim()).Append(' ');
                }
            }
        }
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, data) => Hear(data.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            // Its folder is deleted next.
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
        string[] archives = Directory.GetFiles(folder, "*.tgz");
        return process.ExitCode == 0 && archives is [var archive]
            ? archive
            : throw new ModelOpsException(ErrorKind.NetworkFailure, $"npm did not bring {package.Name} {package.Version} (exit code {process.ExitCode}): {Words(words)}".TrimEnd(' ', ':') + ".",
                $"Check that its registry answers (npm ping). On a machine with a network: npm pack {package.Name}@{package.Version}, then here: modelops runtime add … --file THAT.tgz");
    }

    // npm masks passwords in what it says.
    private static string Words(StringBuilder words)
    {
        lock (words)
        {
            return string.Concat(words.ToString().Select(c => char.IsControl(c) ? ' ' : c)).Trim().TrimEnd('.');
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception exception)
        {
            throw new ModelOpsException(ErrorKind.Failure, $"npm could not be started: {start.FileName}: {exception.Message}", "Reinstall Node.js.", exception);
        }
    }

    // By its whole path: a bare name would be looked for in the current folder first, on Windows.
    private string Find(RuntimePackage package)
    {
        string name = OperatingSystem.IsWindows() ? "npm.cmd" : "npm";
        return (environment("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(Path.IsPathFullyQualified).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new ModelOpsException(ErrorKind.FileNotFound, $"npm, which fetches {package.Name}, was not found.",
                $"Install Node.js, which brings it. Or fetch the archive elsewhere (npm pack {package.Name}@{package.Version}) and name it: modelops runtime add … --file THAT.tgz");
    }
}
