using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace ModelOps.PowerShell;

/// <summary>
/// The mirrors that this session started. A mirror is the command-line tool as a child process, because a shell must not load ASP.NET; it ends when its
/// standard input closes, at the latest with this process, however that ends.
/// </summary>
internal static class SessionMirrors
{
    private const string TokenVariable = "MODELOPS_MIRROR_TOKEN";
    private const int MostLines = 20;
    private static readonly ConcurrentDictionary<int, (Process Process, ModelMirror Mirror)> Running = new();

    /// <summary>Those that still run.</summary>
    public static IReadOnlyList<ModelMirror> All =>
        [.. Running.Values.Where(entry => !entry.Process.HasExited).Select(entry => entry.Mirror).OrderBy(mirror => mirror.StartedAt)];

    /// <summary>Starts one and waits until it listens.</summary>
    public static async Task<ModelMirror> StartAsync(IReadOnlyList<string> command, IEnumerable<string> arguments, string? token, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(command[0]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (IEnumerable<string>)[.. command.Skip(1), "mirror", "--format", "json", "--quiet", "--with-input", .. arguments])
        {
            start.ArgumentList.Add(argument);
        }
        start.Environment.Remove(TokenVariable);
        if (token is not null)
        {
            start.Environment[TokenVariable] = token;
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
            var mirror = await ReadAsync(process, remarks, cancellationToken);
            Running[mirror.ProcessId] = (process, mirror);
            return mirror;
        }
        catch
        {
            process.StandardInput.Close();
            throw;
        }
    }

    /// <summary>Ends one, and waits until it has put away what was on its way.</summary>
    public static async Task StopAsync(int processId, CancellationToken cancellationToken)
    {
        if (!Running.TryGetValue(processId, out var entry))
        {
            throw new ModelOpsException(ErrorKind.ModelNotFound, $"This session has no mirror with the process id {processId}.", "Get-ModelMirror lists those it has.");
        }
        entry.Process.StandardInput.Close();
        await entry.Process.WaitForExitAsync(cancellationToken);
        Running.TryRemove(processId, out _);
        entry.Process.Dispose();
    }

    // One JSON document over several lines: the last of them is a brace alone.
    private static async Task<ModelMirror> ReadAsync(Process process, ConcurrentQueue<string> remarks, CancellationToken cancellationToken)
    {
        var text = new System.Text.StringBuilder();
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
                return root.Deserialize<ModelMirror>(JsonSerializerOptions.Web)!;
            }
            throw new ModelOpsException(
                Enum.TryParse(error.GetProperty("id").GetString(), out ErrorKind kind) ? kind : ErrorKind.Failure,
                error.GetProperty("message").GetString()!,
                error.GetProperty("hint").GetString());
        }
        catch (JsonException e)
        {
            throw new ModelOpsException(ErrorKind.Failure, $"The mirror did not start: {string.Join(' ', remarks)} {text}".TrimEnd(), "Run modelops mirror by hand to see why.", e);
        }
    }
}
