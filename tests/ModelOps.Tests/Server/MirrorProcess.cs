using System.Diagnostics;
using System.Text;
using System.Text.Json;
using ModelOps.Tests.Cli;
using ModelOps.Tests.Transfer.Faults;

namespace ModelOps.Tests.Server;

/// <summary><c>modelops mirror</c> in a process of its own, on the store that a <see cref="PullProcess"/> of the same folder has.</summary>
internal sealed class MirrorProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _error;

    private MirrorProcess(Process process)
    {
        _process = process;
        _error = process.StandardError.ReadToEndAsync();
    }

    public Uri Endpoint { get; private set; } = null!;

    public static async Task<MirrorProcess> StartAsync(string folder, Uri upstream, params (string Name, string? Value)[] environment)
    {
        var mirror = new MirrorProcess(CliProcess.Start(folder, ["mirror", "--format", "json", "--quiet", "--url", "http://127.0.0.1:0", "--upstream", upstream.AbsoluteUri], environment));
        var text = new StringBuilder();
        while (await mirror._process.StandardOutput.ReadLineAsync() is { } line)
        {
            text.AppendLine(line);
            if (line == "}")
                break;
        }
        using JsonDocument said = JsonDocument.Parse(text.ToString());
        mirror.Endpoint = new Uri(said.RootElement.GetProperty("endpoint").GetString()!);
        return mirror;
    }

    /// <summary>SIGKILL: nothing in the process has a say.</summary>
    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        await _error;
        _process.Dispose();
    }
}
