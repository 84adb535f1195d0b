using System.Collections.Concurrent;
using System.Diagnostics;
using System.Management.Automation;
using System.Text;
using System.Text.Json;

namespace ModelOps.PowerShell;

/// <summary>
/// What this session serves: each is the command-line tool as a child process, because a shell must not load ASP.NET; it ends when its standard input closes, at the
/// latest with this process, however that ends.
/// </summary>
/// <typeparam name="T">What the tool writes of itself when it listens.</typeparam>
/// <param name="command">The tool's command that serves.</param>
/// <param name="noun">What it is called: mirror, server.</param>
/// <param name="secretVariable">Environment variable that hands it a secret.</param>
/// <param name="processId">The process of one.</param>
/// <param name="endpoint">The address of one.</param>
internal sealed class SessionServices<T>(string command, string noun, string secretVariable, Func<T, int> processId, Func<T, Uri> endpoint)
    where T : class
{
    private const int MostLines = 20;
    private readonly ConcurrentDictionary<int, (Process Process, T Service, DateTimeOffset Started)> _running = new();

    /// <summary>What one is called.</summary>
    public string Noun => noun;

    /// <summary>Those that still run, in the order of their start.</summary>
    public IReadOnlyList<T> All => [.. _running.Values.Where(entry => !entry.Process.HasExited).OrderBy(entry => entry.Started).Select(entry => entry.Service)];

    /// <summary>Those that still run at addresses, with wildcards.</summary>
    public IEnumerable<T> Find(IEnumerable<string> addresses)
    {
        var patterns = addresses.Select(pattern => WildcardPattern.Get(pattern.TrimEnd('/'), WildcardOptions.IgnoreCase)).ToList();
        return All.Where(service => patterns.Any(pattern => pattern.IsMatch(endpoint(service).ToString().TrimEnd('/'))));
    }

    /// <summary>Starts one and waits until it listens.</summary>
    /// <param name="tool">How to start the tool.</param>
    /// <param name="arguments">What the command is told.</param>
    /// <param name="secret">Goes by the environment, where no list of processes shows it.</param>
    /// <param name="cancellationToken">Gives up waiting, and ends it.</param>
    public async Task<T> StartAsync(IReadOnlyList<string> tool, IEnumerable<string> arguments, string? secret, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(tool[0]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (IEnumerable<string>)[.. tool.Skip(1), command, "--format", "json", "--quiet", "--with-input", .. arguments])
        {
            start.ArgumentList.Add(argument);
        }
        start.Environment.Remove(secretVariable);
        if (secret is not null)
        {
            start.Environment[secretVariable] = secret;
        }
        var process = Process.Start(start)!;
        var remarks = new ConcurrentQueue<string>();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null)
            {
                remarks.Enqueue(line.Data);
                while (remarks.Count > MostLines)
                {
                    _ = remarks.TryDequeue(out string? _);
                }
            }
        };
        process.BeginErrorReadLine();
        try
        {
            var service = await ReadAsync(process, remarks, cancellationToken);
            _running[processId(service)] = (process, service, DateTimeOffset.UtcNow);
            return service;
        }
        catch
        {
            process.StandardInput.Close();
            throw;
        }
    }

    /// <summary>Ends one, and waits until it has put away what was on its way.</summary>
    public async Task StopAsync(int id, CancellationToken cancellationToken)
    {
        if (!_running.TryGetValue(id, out var entry))
        {
            throw new ModelOpsException(ErrorKind.ModelNotFound, $"This session has no {noun} with the process id {id}.", $"Get-Model{char.ToUpperInvariant(noun[0])}{noun[1..]} lists those it has.");
        }
        entry.Process.StandardInput.Close();
        await entry.Process.WaitForExitAsync(cancellationToken);
        _running.TryRemove(id, out _);
        entry.Process.Dispose();
    }

    // One JSON document over several lines: the last of them is a brace alone.
    private async Task<T> ReadAsync(Process process, ConcurrentQueue<string> remarks, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        while (await process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            text.AppendLine(line);
            if (line == "}")
            {
                break;
            }
        }
        try
        {
            using var document = JsonDocument.Parse(text.ToString());
            var root = document.RootElement;
            if (!root.TryGetProperty("error", out var error))
            {
                return root.Deserialize<T>(JsonSerializerOptions.Web)!;
            }
            throw new ModelOpsException(
                Enum.TryParse(error.GetProperty("id").GetString(), out ErrorKind kind) ? kind : ErrorKind.Failure,
                error.GetProperty("message").GetString()!,
                error.GetProperty("hint").GetString());
        }
        catch (JsonException e)
        {
            throw new ModelOpsException(ErrorKind.Failure, $"The {noun} did not start: {string.Join(' ', remarks)} {text}".TrimEnd(), $"Run modelops {command} by hand to see why.", e);
        }
    }
}
