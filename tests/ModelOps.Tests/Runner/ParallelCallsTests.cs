using System.Diagnostics;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Runner;

/// <summary>Many calls at once to one worker.</summary>
public sealed class ParallelCallsTests : IAsyncLifetime
{
    private static readonly string Cli = Path.Combine(AppContext.BaseDirectory, "modelops.dll");
    private static readonly EngineOptions Golden = new() { ModelPath = GoldenLogits.PathOf("llama", "f32"), Parameters = new() { ContextLength = 65536, GpuLayers = 0, Sequences = 4 }, Threads = 1 };
    private static readonly GenerationRequest Greedy = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 8 };

    // The model goes in circles on this prompt.
    private static readonly GenerationRequest Endless = Greedy with { Prompt = "a", MaxTokens = 10_000 };

    private readonly WorkerRunner _runner = new(["dotnet", Cli, "worker", "--pipe", "{pipe}"]);

    public async ValueTask InitializeAsync() => await _runner.LoadAsync(Golden);

    public ValueTask DisposeAsync() => _runner.DisposeAsync();

    [Fact]
    public async Task Answers_written_at_once_are_those_written_alone_each_with_its_own_stream()
    {
        GenerationRequest[] requests = [.. new[] { "hello", "x", "a b c", "the end", "1 2 3", "hello hello" }.Select(prompt => Greedy with { Prompt = prompt, MaxTokens = 16 })];
        await using InProcessRunner here = new();
        await here.LoadAsync(Golden with { Parameters = Golden.Parameters with { ContextLength = 512, Sequences = 1 } });
        List<int>[] streams = [.. requests.Select(_ => new List<int>())];
        GenerationResult[] answers = await Task.WhenAll(requests.Select((request, index) => _runner.GenerateAsync(request, new Immediate<GeneratedToken>(token => streams[index].Add(token.Id)))));
        for (int index = 0; index < requests.Length; index++)
        {
            Assert.Equal((await here.GenerateAsync(requests[index])).Tokens, answers[index].Tokens);
            Assert.Equal(answers[index].Tokens, streams[index]);
        }
    }

    [Fact]
    public async Task Cancelling_one_leaves_the_others_and_the_worker()
    {
        int worker = _runner.WorkerId!.Value;
        using CancellationTokenSource cancellation = new();
        TaskCompletionSource begun = new();
        Task<GenerationResult> dropped = _runner.GenerateAsync(Endless, new Immediate<GeneratedToken>(_ => begun.TrySetResult()), cancellation.Token);
        await begun.Task;
        Task<GenerationResult> kept = _runner.GenerateAsync(Greedy with { MaxTokens = 60 });
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dropped);
        Assert.Equal(60, (await kept).Tokens.Count);
        Assert.Equal(worker, _runner.WorkerId);
    }

    [Fact]
    public async Task A_crash_fails_every_answer_under_way_and_the_next_call_has_a_new_worker()
    {
        int first = _runner.WorkerId!.Value;
        TaskCompletionSource[] begun = [.. Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource())];
        Task<GenerationResult>[] answers = [.. begun.Select(signal => _runner.GenerateAsync(Endless, new Immediate<GeneratedToken>(_ => signal.TrySetResult())))];
        await Task.WhenAll(begun.Select(signal => signal.Task));
        using (Process process = Process.GetProcessById(first))
        {
            process.Kill();
        }
        foreach (Task<GenerationResult> answer in answers)
        {
            ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => answer);
            Assert.Equal(ErrorKind.EngineCrashed, error.Kind);
        }
        // Asked at once, they load the model once and share it.
        GenerationResult[] after = await Task.WhenAll(Enumerable.Repeat(0, 3).Select(_ => _runner.GenerateAsync(Greedy)));
        Assert.All(after, answer => Assert.Equal(after[0].Tokens, answer.Tokens));
        Assert.NotEqual(first, _runner.WorkerId);
    }

    [Fact]
    public async Task Loading_the_same_again_does_not_wait_and_another_model_waits_for_the_answers()
    {
        TaskCompletionSource begun = new();
        Task<GenerationResult> answer = _runner.GenerateAsync(Endless with { MaxTokens = 3000 }, new Immediate<GeneratedToken>(_ => begun.TrySetResult()));
        await begun.Task;
        await _runner.LoadAsync(Golden);
        Assert.False(answer.IsCompleted);
        await _runner.LoadAsync(Golden with { Parameters = Golden.Parameters with { ContextLength = 512 } });
        Assert.Equal(3000, (await answer).Tokens.Count);
    }

    [Fact]
    public async Task Disposing_ends_the_answers_under_way()
    {
        TaskCompletionSource begun = new();
        Task<GenerationResult> answer = _runner.GenerateAsync(Endless, new Immediate<GeneratedToken>(_ => begun.TrySetResult()));
        await begun.Task;
        await _runner.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => answer);
    }

    [Fact]
    public async Task The_same_holds_in_this_process()
    {
        await using InProcessRunner here = new();
        await here.LoadAsync(Golden with { Parameters = Golden.Parameters with { ContextLength = 8192 } });
        TaskCompletionSource begun = new();
        Task<GenerationResult> answer = here.GenerateAsync(Endless with { MaxTokens = 2000 }, new Immediate<GeneratedToken>(_ => begun.TrySetResult()));
        await begun.Task;
        await here.LoadAsync(Golden with { Parameters = Golden.Parameters with { ContextLength = 512 } });
        Assert.Equal(2000, (await answer).Tokens.Count);
        Assert.Equal(8, (await here.GenerateAsync(Greedy)).Tokens.Count);
    }
}
