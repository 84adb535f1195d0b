using System.Diagnostics;
using System.IO.Pipes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Runner;

public sealed class WorkerRunnerTests : IAsyncLifetime
{
    private static readonly string Cli = Path.Combine(AppContext.BaseDirectory, "modelops.dll");
    private static readonly EngineOptions Golden = new() { ModelPath = GoldenLogits.PathOf("llama", "f32"), Parameters = new() { ContextLength = 32768, GpuLayers = 0 }, Threads = 1 };
    private static readonly GenerationRequest Greedy = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 8 };

    // The model goes in circles on this prompt until the context is full: seconds in which to disturb it.
    private static readonly GenerationRequest Endless = Greedy with { Prompt = "a", MaxTokens = 30_000 };

    private readonly WorkerRunner _runner = new(["dotnet", Cli, "worker", "--pipe", "{pipe}"]);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _runner.DisposeAsync();

    [Fact]
    public async Task A_worker_answers_and_measures_as_this_process_does()
    {
        await using InProcessRunner here = new();
        await here.LoadAsync(Golden);
        List<float> loading = [];
        await _runner.LoadAsync(Golden, new Immediate<float>(loading.Add));
        Assert.Equal(1, loading[^1]);

        List<GeneratedToken> pieces = [];
        GenerationResult there = await _runner.GenerateAsync(Greedy, new Immediate<GeneratedToken>(pieces.Add));
        GenerationResult expected = await here.GenerateAsync(Greedy);
        Assert.Equal(expected.Tokens, there.Tokens);
        Assert.Equal(expected.Text, there.Text);
        Assert.Equal(expected.FinishReason, there.FinishReason);
        Assert.Equal(there.Text, string.Concat(pieces.Select(piece => piece.Text)));

        MeasureRequest request = new() { ModelPath = Golden.ModelPath, ReferencePath = GoldenLogits.PathOf("llama", "q8_0"), Text = File.ReadAllText(TestPaths.EvalText)[..3000], ContextLength = 128, GpuLayers = 0, Threads = 1 };
        List<MeasureProgress> measuring = [];
        QualityResult measured = await _runner.MeasureAsync(request, new Immediate<MeasureProgress>(measuring.Add));
        QualityResult expectedMeasure = await here.MeasureAsync(request);
        Assert.Equal(expectedMeasure.Perplexity, measured.Perplexity, expectedMeasure.Perplexity * 1e-6);
        Assert.Equal(expectedMeasure.Kld!.Value, measured.Kld!.Value, 1e-6);
        Assert.Equal(expectedMeasure.Top1Agreement, measured.Top1Agreement);
        Assert.Equal(measuring[^1].TotalTokens, measuring[^1].TokensDone);

        // The measurement left the loaded model alone.
        Assert.Equal(expected.Tokens, (await _runner.GenerateAsync(Greedy)).Tokens);
    }

    [Fact]
    public async Task Errors_come_over_with_kind_message_and_hint()
    {
        ModelOpsException missing = await Assert.ThrowsAsync<ModelOpsException>(() => _runner.LoadAsync(Golden with { ModelPath = "/no/such.gguf" }));
        Assert.Equal(ErrorKind.FileNotFound, missing.Kind);
        await _runner.LoadAsync(Golden);
        ModelOpsException wrong = await Assert.ThrowsAsync<ModelOpsException>(() => _runner.GenerateAsync(Greedy with { TopK = -1 }));
        await using InProcessRunner here = new();
        await here.LoadAsync(Golden);
        ModelOpsException expected = await Assert.ThrowsAsync<ModelOpsException>(() => here.GenerateAsync(Greedy with { TopK = -1 }));
        Assert.Equal((expected.Kind, expected.Message, expected.Hint), (wrong.Kind, wrong.Message, wrong.Hint));
    }

    [Fact]
    public async Task A_bad_file_is_told_without_starting_a_worker()
    {
        string text = System.IO.Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(text, "no model");

            ModelOpsException load = await Assert.ThrowsAsync<ModelOpsException>(() => _runner.LoadAsync(Golden with { ModelPath = text }));
            ModelOpsException reference = await Assert.ThrowsAsync<ModelOpsException>(() => _runner.MeasureAsync(new MeasureRequest { ModelPath = Golden.ModelPath, ReferencePath = text, Text = "a" }));

            Assert.Equal((ErrorKind.CorruptFile, ErrorKind.CorruptFile), (load.Kind, reference.Kind));
            Assert.Null(_runner.WorkerId);
        }
        finally
        {
            File.Delete(text);
        }
    }

    [Fact]
    public async Task A_killed_worker_is_reported_and_the_next_call_has_a_new_one()
    {
        await _runner.LoadAsync(Golden);
        int first = _runner.WorkerId!.Value;
        IReadOnlyList<int> tokens = (await _runner.GenerateAsync(Greedy)).Tokens;

        int seen = 0;
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => _runner.GenerateAsync(Endless, new Immediate<GeneratedToken>(_ =>
        {
            // Tokens that it sent before its end still come.
            if (++seen == 3)
            {
                Kill(first);
            }
        })));
        Assert.InRange(seen, 3, Endless.MaxTokens - 1);
        Assert.Equal(ErrorKind.EngineCrashed, error.Kind);
        Assert.Null(_runner.WorkerId);

        Assert.Equal(tokens, (await _runner.GenerateAsync(Greedy)).Tokens);
        Assert.NotEqual(first, _runner.WorkerId);
    }

    [Fact]
    public async Task A_worker_that_dies_between_calls_is_replaced()
    {
        await _runner.LoadAsync(Golden);
        int first = _runner.WorkerId!.Value;
        Kill(first);
        Assert.Equal(Greedy.MaxTokens, (await _runner.GenerateAsync(Greedy)).Tokens.Count);
        Assert.NotEqual(first, _runner.WorkerId);
    }

    [Fact]
    public async Task A_model_that_makes_the_engine_abort_ends_the_worker_only()
    {
        // A well-formed file with a value that no check of ours looks at: see Engine/AbortingModel.
        using EditedGguf poison = AbortingModel.Create();
        await _runner.LoadAsync(Golden);

        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(async () =>
        {
            await _runner.LoadAsync(Golden with { ModelPath = poison.Path });
            await _runner.GenerateAsync(Greedy);
        });

        Assert.Equal(ErrorKind.EngineCrashed, error.Kind);
        Assert.Contains("GGML_ASSERT", error.Message, StringComparison.Ordinal);
        await _runner.LoadAsync(Golden);
        Assert.Equal(Greedy.MaxTokens, (await _runner.GenerateAsync(Greedy)).Tokens.Count);
    }

    [Fact]
    public async Task Cancelling_keeps_the_worker_and_its_model()
    {
        await _runner.LoadAsync(Golden);
        int worker = _runner.WorkerId!.Value;
        using CancellationTokenSource cancellation = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _runner.GenerateAsync(Endless, new Immediate<GeneratedToken>(_ => cancellation.Cancel()), cancellation.Token));
        Assert.Equal(worker, _runner.WorkerId);
        Assert.Equal(Greedy.MaxTokens, (await _runner.GenerateAsync(Greedy)).Tokens.Count);
        Assert.Equal(worker, _runner.WorkerId);
    }

    [Fact]
    public async Task A_worker_that_does_not_listen_is_given_up()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signal that stops a process.");
        await using WorkerRunner runner = new(["dotnet", Cli, "worker", "--pipe", "{pipe}"]) { CancelPatience = TimeSpan.FromMilliseconds(200) };
        await runner.LoadAsync(Golden);
        int worker = runner.WorkerId!.Value;
        using CancellationTokenSource cancellation = new();
        int seen = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => runner.GenerateAsync(Endless, new Immediate<GeneratedToken>(_ =>
        {
            if (++seen == 3)
            {
                using Process stop = Process.Start("kill", ["-STOP", worker.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
                stop.WaitForExit();
                cancellation.Cancel();
            }
        }), cancellation.Token));
        Assert.Null(runner.WorkerId);
        Assert.Equal(Greedy.MaxTokens, (await runner.GenerateAsync(Greedy)).Tokens.Count);
    }

    [Fact]
    public async Task A_worker_ends_when_the_pipe_does()
    {
        string name = "modelops-test-" + Guid.NewGuid().ToString("N");
        using NamedPipeServerStream pipe = new(name, PipeDirection.InOut, 1, PipeTransmissionMode.Byte, PipeOptions.CurrentUserOnly | PipeOptions.Asynchronous);
        using Process worker = Process.Start("dotnet", [Cli, "worker", "--pipe", name]);
        await pipe.WaitForConnectionAsync();
        using StreamReader reader = new(pipe, leaveOpen: true);
        Assert.Contains("ready", await reader.ReadLineAsync(), StringComparison.Ordinal);
        Assert.False(worker.HasExited);

        await pipe.DisposeAsync();

        await worker.WaitForExitAsync();
        Assert.Equal(0, worker.ExitCode);
    }

    [Fact]
    public async Task Disposing_ends_the_worker()
    {
        await _runner.LoadAsync(Golden);
        using Process worker = Process.GetProcessById(_runner.WorkerId!.Value);
        await _runner.DisposeAsync();
        Assert.True(worker.HasExited);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => _runner.GenerateAsync(Greedy));
    }

    [Fact]
    public async Task A_worker_without_libraries_says_so()
    {
        string empty = Directory.CreateTempSubdirectory("modelops-empty-").FullName;
        try
        {
            await using WorkerRunner runner = new(["env", $"MODELOPS_LLAMA_DIR={empty}", "dotnet", Cli, "worker", "--pipe", "{pipe}"]);
            if (OperatingSystem.IsWindows())
            {
                Assert.Skip("env is not a program on Windows.");
            }
            ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => runner.LoadAsync(Golden));
            Assert.Equal(ErrorKind.EngineNotFound, error.Kind);
            Assert.Contains(empty, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(empty);
        }
    }

    [Fact]
    public async Task A_command_that_is_no_worker_is_told()
    {
        await using WorkerRunner nothing = new([Path.Combine(AppContext.BaseDirectory, "no-such-program")]);
        Assert.Equal(ErrorKind.EngineNotFound, (await Assert.ThrowsAsync<ModelOpsException>(() => nothing.LoadAsync(Golden))).Kind);

        await using WorkerRunner other = new(["dotnet", Cli, "no-such-command"]);
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => other.LoadAsync(Golden));
        Assert.Equal(ErrorKind.EngineCrashed, error.Kind);
        Assert.Contains("no-such-command", error.Message, StringComparison.Ordinal);
    }

    private static void Kill(int id)
    {
        using Process process = Process.GetProcessById(id);
        process.Kill();
        process.WaitForExit();
    }
}
