using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using ModelOps.Server;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>The tool as a script sees it: a process with an exit code and two streams.</summary>
public sealed class BlackBoxTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Golden => Path.Combine(TestPaths.Golden("llama"), "official.f16.gguf");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2, "InvalidArgument", "frobnicate")]
    [InlineData(2, "InvalidArgument", "convert", "somewhere")]
    [InlineData(2, "InvalidArgument", "run", "m", "hi", "--gpu-layers", "few")]
    [InlineData(2, "InvalidArgument", "run", "m", "hi", "--max-tokens", "0")]
    [InlineData(2, "InvalidArgument", "run", "m", "hi", "--max-tokens", "many")]
    [InlineData(2, "InvalidArgument", "run", "m", "hi", "--threads", "99999999999999999999")]
    [InlineData(2, "InvalidArgument", "run", "m", "hi", "--temperature", "NaN")]
    [InlineData(2, "InvalidArgument", "measure", "m", "--text", "t", "--context", "long")]
    [InlineData(2, "InvalidArgument", "search", "gemma", "--limit", "1e400")]
    [InlineData(2, "InvalidArgument", "list", "--store", "")]
    [InlineData(2, "InvalidArgument", "fit", "m", "--flash-attention", "perhaps")]
    [InlineData(2, "InvalidArgument", "fit", "m", "--kv-type", "Q4_K")]
    [InlineData(2, "InvalidArgument", "measure", "m")]
    [InlineData(2, "InvalidArgument", "show", "not a repository")]
    [InlineData(2, "InvalidArgument", "show", "org/repo", "--revision", "")]
    [InlineData(2, "InvalidArgument", "pull", "org/repo", "--revision", "")]
    [InlineData(2, "InvalidArgument", "search", "--min-parameters", "many")]
    [InlineData(2, "InvalidArgument", "search", "--gated", "perhaps")]
    [InlineData(2, "InvalidArgument", "search", "--min-parameters", "7B", "--max-parameters", "1B")]
    [InlineData(2, "InvalidArgument", "search", "--endpoint", "http://user:pw@hub.invalid")]
    [InlineData(3, "ModelNotFound", "info", "nowhere.gguf")]
    [InlineData(3, "ModelNotFound", "run", "nowhere.gguf", "hi")]
    [InlineData(3, "ModelNotFound", "convert", "org/missing", "--type", "Q4_0")]
    [InlineData(7, "NetworkFailure", "search", "gemma")]
    [InlineData(7, "NetworkFailure", "show", "org/repo")]
    [InlineData(7, "NetworkFailure", "pull", "org/repo")]
    [InlineData(7, "NetworkFailure", "fit", "org/repo")]
    public async Task FailuresHaveAnIdAndAnExitCode(int exitCode, string id, params string[] args)
    {
        var outcome = await CliProcess.RunAsync(_folder.Path, [.. args, "--format", "json"]);

        Assert.Equal(exitCode, outcome.ExitCode);
        var error = outcome.Json.GetProperty("error");
        Assert.Equal(id, error.GetProperty("id").GetString());
        Assert.NotEqual("", error.GetProperty("message").GetString());
        Assert.True(error.TryGetProperty("hint", out _));
        Assert.Equal("", outcome.Error);
    }

    [Fact]
    public async Task FailuresForPeopleGoToStandardError()
    {
        var outcome = await CliProcess.RunAsync(_folder.Path, ["info", "nowhere.gguf"]);

        Assert.Equal(3, outcome.ExitCode);
        Assert.Equal("", outcome.Out);
        Assert.StartsWith("error: ", outcome.Error);
        Assert.Contains("\nhint: ", outcome.Error.ReplaceLineEndings("\n"));
    }

    [Fact]
    public async Task OfflineModeAsksNobody()
    {
        var outcome = await CliProcess.RunAsync(_folder.Path, ["search", "gemma", "--format", "json"], environment: [("HF_HUB_OFFLINE", "1")]);

        Assert.Equal(7, outcome.ExitCode);
        Assert.Equal("Offline", outcome.Json.GetProperty("error").GetProperty("id").GetString());
    }

    [Fact]
    public async Task HubOnThisMachineIsNotAskedThroughTheProxy()
    {
        await using var hub = await HubServer.StartAsync(new HubServerOptions { Directory = TestPaths.DemoHub });
        (string, string?)[] proxied = [("HF_ENDPOINT", hub.Endpoint.AbsoluteUri), ("http_proxy", CliProcess.NoHub), ("HTTP_PROXY", CliProcess.NoHub), ("NO_PROXY", null), ("no_proxy", null)];

        var outcome = await CliProcess.RunAsync(_folder.Path, ["search", "gemma", "--format", "json"], environment: proxied);

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal(1, outcome.Json.GetProperty("models").GetArrayLength());
    }

    [Theory]
    [InlineData("info")]
    [InlineData("run")]
    [InlineData("fit")]
    public async Task TruncatedGgufIsCorrupt(string command)
    {
        var whole = await File.ReadAllBytesAsync(Golden);
        var path = _folder.Write("cut.gguf", whole[..^1000]);
        string[] args = command == "run" ? [command, path, "hi"] : [command, path];

        var outcome = await CliProcess.RunAsync(_folder.Path, [.. args, "--format", "json"]);

        Assert.Equal(6, outcome.ExitCode);
        Assert.Equal("CorruptFile", outcome.Json.GetProperty("error").GetProperty("id").GetString());
    }

    [Fact]
    public async Task JsonIsAllThatStandardOutputHas()
    {
        var outcome = await CliProcess.RunAsync(_folder.Path, ["info", Golden, "--format", "json"]);

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal("llama", outcome.Json.GetProperty("architecture").GetString());
        Assert.Equal("", outcome.Error);
    }

    [Theory]
    [InlineData("hardware")]
    [InlineData("list")]
    [InlineData("--help")]
    public async Task PipedOutputIsPlain(string command)
    {
        var outcome = await CliProcess.RunAsync(_folder.Path, [command]);

        Assert.Equal(0, outcome.ExitCode);
        Assert.DoesNotContain('\e', outcome.Out);
        Assert.DoesNotContain('\e', outcome.Error);
        Assert.DoesNotContain('\r', outcome.Error);
    }

    [Fact]
    public async Task HardwareCanBeAskedForInAFitElsewhere()
    {
        var hardware = await CliProcess.RunAsync(_folder.Path, ["hardware", "--format", "json"]);
        var machine = hardware.Out.Replace(hardware.Json.GetProperty("name").GetRawText(), "\"another-machine\"");
        await File.WriteAllTextAsync(_folder.File("machine.json"), machine);

        var fit = await CliProcess.RunAsync(_folder.Path, ["fit", Golden, "--context", "256", "--machine", "machine.json", "--format", "json"]);

        Assert.Equal(0, fit.ExitCode);
        Assert.Equal("another-machine", fit.Json.GetProperty("machine").GetString());
    }

    [Fact]
    public async Task PromptMayBePiped()
    {
        string[] greedy = ["run", Golden, "--raw", "--max-tokens", "4", "--temperature", "0", "--format", "json"];

        var given = await CliProcess.RunAsync(_folder.Path, [.. greedy, "hello there"]);
        var piped = await CliProcess.RunAsync(_folder.Path, greedy, input: "hello there");
        var dashed = await CliProcess.RunAsync(_folder.Path, [.. greedy, "-"], input: "hello there");

        Assert.Equal(0, given.ExitCode);
        var tokens = given.Json.GetProperty("tokens").GetRawText();
        Assert.Equal(tokens, piped.Json.GetProperty("tokens").GetRawText());
        Assert.Equal(tokens, dashed.Json.GetProperty("tokens").GetRawText());
    }

    [Fact]
    public async Task IsolatedAnswerIsTheSame()
    {
        string[] greedy = ["run", Golden, "hello there", "--raw", "--max-tokens", "4", "--temperature", "0", "--format", "json"];

        var here = await CliProcess.RunAsync(_folder.Path, greedy);
        var isolated = await CliProcess.RunAsync(_folder.Path, [.. greedy, "--isolate"]);

        Assert.Equal(0, isolated.ExitCode);
        Assert.Equal(here.Json.GetProperty("tokens").GetRawText(), isolated.Json.GetProperty("tokens").GetRawText());
    }

    [Fact]
    public Task IsolationSaysWhichTemporaryFolderItMisses() => SaysWhichTemporaryFolderItMisses("run", Golden, "hello there", "--isolate");

    [Fact]
    public Task DemoSaysWhichTemporaryFolderItMisses() => SaysWhichTemporaryFolderItMisses("demo");

    private async Task SaysWhichTemporaryFolderItMisses(params string[] args)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows keeps pipes in memory, and its temporary folder where TMPDIR has no say.");
        var missing = Path.Combine(_folder.Path, "missing");

        var outcome = await CliProcess.RunAsync(_folder.Path, [.. args, "--format", "json"], environment: [("TMPDIR", missing)]);

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains(missing, outcome.Json.GetProperty("error").GetProperty("message").GetString());
        Assert.Contains("TMPDIR", outcome.Json.GetProperty("error").GetProperty("hint").GetString());
    }

    [Fact]
    public async Task EmptyPromptIsAUsageError()
    {
        var outcome = await CliProcess.RunAsync(_folder.Path, ["run", Golden, "--format", "json"], input: "");

        Assert.Equal(2, outcome.ExitCode);
    }

    [Fact]
    public async Task ReaderThatLeavesIsNoFailure()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGPIPE tradition.");
        // Longer than any pipe's buffer: the vocabulary of a trained model.
        using var process = CliProcess.Start(_folder.Path, ["info", Path.Combine(TestPaths.Golden("gemma3"), "official.bf16.gguf"), "--full", "--format", "json"]);
        process.StandardInput.Close();
        await process.StandardOutput.ReadLineAsync();
        process.StandardOutput.Close();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.Equal(0, process.ExitCode);
        Assert.Equal("", error);
    }

    [Theory]
    [InlineData("list", 0, "2>&-")]
    [InlineData("nope", 2, "2>&-")]
    [InlineData("info nowhere.gguf --format json", 3, ">&-")]
    [InlineData("info nowhere.gguf --format json", 3, ">/dev/full")]
    public async Task ClosedStreamsAreNoCrash(string command, int exitCode, string redirection)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs a shell and /dev/full.");
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"exec \"$0\" \"$@\" {redirection}", Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", CliProcess.Library, .. command.Split(' ')]);
        start.Environment["HF_HUB_CACHE"] = _folder.Path;
        using var process = Process.Start(start)!;

        await process.WaitForExitAsync();

        Assert.Equal(exitCode, process.ExitCode);
    }

    [Fact]
    public async Task CtrlCInterrupts()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A console event cannot be sent to a process without a console.");
        Assert.SkipWhen(InterruptIsIgnored(), "Who started the tests ignores SIGINT, as a shell does for what it runs in the background: so do all processes below.");
        // A hub that takes the call and never answers.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var endpoint = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
        using var process = CliProcess.Start(_folder.Path, ["search", "gemma", "--endpoint", endpoint, "--format", "json"], [("HF_HUB_DOWNLOAD_TIMEOUT", "600")]);
        var connecting = listener.AcceptTcpClientAsync();
        Assert.Same(connecting, await Task.WhenAny(connecting, process.WaitForExitAsync()));
        using var connection = await connecting;

        using (var kill = Process.Start("kill", ["-INT", process.Id.ToString()]))
        {
            await kill.WaitForExitAsync();
        }
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.Equal(130, process.ExitCode);
        Assert.Equal("Interrupted", new CliOutcome(130, output, "").Json.GetProperty("error").GetProperty("id").GetString());
    }

    private static bool InterruptIsIgnored()
    {
        const string Field = "SigIgn:", Status = "/proc/self/status";
        const int Interrupt = 1 << 1;
        return File.Exists(Status) && Convert.ToUInt64(File.ReadLines(Status).Single(line => line.StartsWith(Field, StringComparison.Ordinal))[Field.Length..].Trim(), 16) is var ignored && (ignored & Interrupt) != 0;
    }
}
