using System.Diagnostics;
using ModelOps.Tests.Cli;
using Xunit;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary><c>modelops pull</c> in a process of its own, on a store that several may share.</summary>
internal sealed class PullProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    /// <param name="folder">Home of the process; the store is its <c>hub</c>.</param>
    /// <param name="endpoint">The hub.</param>
    public PullProcess(string folder, Uri endpoint)
    {
        _process = CliProcess.Start(folder, ["pull", RandomModel.Repository, "--format", "json"], [("HF_ENDPOINT", endpoint.AbsoluteUri)]);
        _process.StandardInput.Close();
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = _process.StandardError.ReadToEndAsync();
    }

    public static string Store(string folder) => Path.Combine(folder, "hub");

    /// <summary>SIGKILL: nothing in the process has a say.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Waits for the end.</summary>
    public async Task<CliOutcome> EndAsync()
    {
        using var giveUp = new CancellationTokenSource(TimeSpan.FromMinutes(10));
        await _process.WaitForExitAsync(giveUp.Token);
        return new CliOutcome(_process.ExitCode, await _output, await _error);
    }

    public static void AssertInstalled(CliOutcome outcome, RandomModel model)
    {
        Assert.True(outcome.ExitCode == 0, outcome.Out + outcome.Error);
        string path = Path.Combine(outcome.Json.GetProperty("path").GetString()!, RandomModel.WeightsName);
        using FileStream file = File.OpenRead(path);
        Assert.Equal(model.Sha256, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file)));
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
