using System.Diagnostics;
using System.Globalization;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Runner;

/// <summary>What goes wrong on this side of the pipe, or on both sides at once.</summary>
public sealed class WorkerFaultTests
{
    private const int Patience = 120_000;
    private static readonly string Cli = Path.Combine(AppContext.BaseDirectory, "modelops.dll");
    private static readonly EngineOptions Golden = new() { ModelPath = GoldenLogits.PathOf("llama", "f32"), Parameters = new() { ContextLength = 1024, GpuLayers = 0, Sequences = 1 }, Threads = 1 };
    private static readonly GenerationRequest Greedy = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 8 };

    // The model goes in circles on this prompt, and nothing ends it.
    private static readonly GenerationRequest Endless = Greedy with { Prompt = "a", MaxTokens = int.MaxValue, Overflow = ContextOverflow.Shift };

    private static WorkerRunner Runner(TimeSpan? cancelPatience = null) => new(["dotnet", Cli, "worker", "--pipe", "{pipe}"]) { CancelPatience = cancelPatience ?? TimeSpan.FromSeconds(5) };

    [Theory(Timeout = Patience)]
    [InlineData(typeof(InvalidOperationException))]
    // As a console throws whose reader has gone.
    [InlineData(typeof(IOException))]
    public async Task WhatAListenerThrowsEndsItsCallAndNothingElse(Type kind)
    {
        await using WorkerRunner runner = Runner();
        await runner.LoadAsync(Golden);
        int worker = runner.WorkerId!.Value;
        Exception thrown = (Exception)Activator.CreateInstance(kind, "the screen is gone")!;
        Assert.Same(thrown, await Record.ExceptionAsync(() => runner.GenerateAsync(Endless, new Immediate<GeneratedToken>(_ => throw thrown))));
        // There is one place: this waits for ever if nobody has told the worker.
        Assert.Equal(Greedy.MaxTokens, (await runner.GenerateAsync(Greedy)).Tokens.Count);
        Assert.Equal(worker, runner.WorkerId);
    }

    [Fact(Timeout = Patience)]
    public async Task DisposedWhileItsWorkerStartsItLeavesNoneBehind()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no sh.");
        string flag = Path.Combine(Path.GetTempPath(), $"modelops-start-{Guid.NewGuid():N}");
        try
        {
            WorkerRunner runner = new(["sh", "-c", $"echo $$ > {flag}.new; mv {flag}.new {flag}; sleep 1; exec dotnet '{Cli}' worker --pipe {{pipe}}"]);
            Task loading = runner.LoadAsync(Golden);
            while (!File.Exists(flag))
            {
                await Task.Delay(20);
            }
            using Process worker = Process.GetProcessById(int.Parse(File.ReadAllText(flag), CultureInfo.InvariantCulture));
            await runner.DisposeAsync();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => loading);
            await worker.WaitForExitAsync();
            Assert.Null(runner.WorkerId);
        }
        finally
        {
            File.Delete(flag);
        }
    }

    [Fact(Timeout = Patience)]
    public async Task CallsThatAreCancelledTogetherOnADeafWorkerAreCancelledAndTheOthersLearnWhy()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signal that stops a process.");
        await using WorkerRunner runner = Runner(TimeSpan.FromMilliseconds(300));
        await runner.LoadAsync(Golden with { Parameters = Golden.Parameters with { ContextLength = 3072, Sequences = 3 } });
        using CancellationTokenSource first = new(), second = new();
        TaskCompletionSource[] begun = [.. Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];
        CancellationToken[] tokens = [first.Token, second.Token, default];
        Task<GenerationResult>[] answers = [.. begun.Select((signal, index) => runner.GenerateAsync(Endless, new Immediate<GeneratedToken>(_ => signal.TrySetResult()), tokens[index]))];
        await Task.WhenAll(begun.Select(signal => signal.Task));
        using (Process stop = Process.Start("kill", ["-STOP", runner.WorkerId!.Value.ToString(CultureInfo.InvariantCulture)]))
        {
            await stop.WaitForExitAsync();
        }
        await first.CancelAsync();
        await Task.Delay(100);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answers[0]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answers[1]);
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => answers[2]);
        Assert.Equal(ErrorKind.EngineCrashed, error.Kind);
        Assert.Contains("did not react", error.Message, StringComparison.Ordinal);
    }
}
