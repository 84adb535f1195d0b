using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

/// <summary>Queueing, loading, unloading, going away and ending.</summary>
public sealed class ResidenceTests
{
    private const int Patience = 300_000;
    private const string Two = """{"model":"org/two","messages":[{"role":"user","content":"a"}]}""";
    private readonly FakeEngine _engine = new();
    private readonly TaskCompletionSource _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Answers come when the test lets them.</summary>
    private void Hold() => _engine.Answer = async (request, progress, cancellationToken) =>
    {
        GenerationResult result = FakeEngine.Say(request, progress, "Hello", " there");
        await _answer.Task.WaitAsync(cancellationToken);
        return result;
    };

    [Fact(Timeout = Patience)]
    public async Task AModelAnswersAsManyAsItMayAndTheRestWaitsOrIsRefused()
    {
        Hold();
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { Parallel = 2, Queue = 3 });
        Task<Answer>[] asked = [.. Enumerable.Range(0, 5).Select(_ => server.ChatAsync())];
        await UntilAsync(async () => (await StateAsync(server)) is (2, 3));
        Answer refused = await server.ChatAsync();
        Assert.Equal((429, "queue_full", null), refused.Error);
        Assert.InRange(int.Parse(refused.Headers["Retry-After"]), 1, 60);
        Assert.Contains("modelops_requests_waiting{model=\"one\"} 3\n", (await server.GetAsync("/metrics")).Text, StringComparison.Ordinal);
        _answer.SetResult();
        Assert.All(await Task.WhenAll(asked), answer => Assert.Equal("Hello there", answer.Content));
        Assert.Equal(2, _engine.MostRunning);
        // One load for all of them.
        Assert.Equal(["/models/one.gguf"], _engine.Loads);
        Assert.Contains("modelops_requests_total{route=\"/v1/chat/completions\",status=\"200\"} 5\n", (await server.GetAsync("/metrics")).Text, StringComparison.Ordinal);
    }

    [Theory(Timeout = Patience)]
    [InlineData("\"stream\":true")]
    [InlineData("\"stream\":false")]
    public async Task WhoGoesAwayStopsCostingAtOnce(string more)
    {
        Hold();
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { Parallel = 1 });
        using var gone = new CancellationTokenSource();
        Task<Answer> running = server.ChatAsync(more: more, cancellationToken: gone.Token);
        await UntilAsync(() => Task.FromResult(_engine.Running == 1));
        Task<Answer> waiting = server.ChatAsync(more: more, cancellationToken: gone.Token);
        await UntilAsync(async () => (await StateAsync(server)) is (1, 1));
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await UntilAsync(async () => _engine.Running == 0 && (await StateAsync(server)) is (0, 0));
        await UntilAsync(async () => (await server.GetAsync("/metrics")).Text.Contains("modelops_requests_total{route=\"/v1/chat/completions\",status=\"499\"} 2\n", StringComparison.Ordinal));
    }

    [Fact(Timeout = Patience)]
    public async Task ARequestHasItsTime()
    {
        Hold();
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { Timeout = TimeSpan.FromMilliseconds(300) });
        Assert.Equal((504, "timeout", null), (await server.ChatAsync()).Error);
        Answer streamed = await server.ChatAsync(more: "\"stream\":true");
        Assert.Equal("timeout", JsonElement.Parse(streamed.Events[^1]).GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(0, _engine.Running);
    }

    [Fact(Timeout = Patience)]
    public async Task AModelMakesRoomForAnotherWhenItsAnswersAreDone()
    {
        Hold();
        // Memory for one model.
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with
        {
            Plan = (_, wish) => wish.Loading == WeightLoading.Read ? new EnginePlan(new EngineParameters(), _engine.Loaded.Count > 0 ? "It may not fit." : null) : throw new ModelOpsException(ErrorKind.Failure, "Mapped weights count as free."),
        });
        Task<Answer> first = server.ChatAsync();
        await UntilAsync(() => Task.FromResult(_engine.Running == 1));
        Task<Answer> second = server.PostAsync("/v1/chat/completions", Two);
        await UntilAsync(async () => (await server.GetAsync("/status")).Text.Contains("\"leaving\"", StringComparison.Ordinal));
        // Who comes for the first now waits for the second.
        Task<Answer> third = server.ChatAsync();
        await UntilAsync(async () => (await StateAsync(server)) is (1, 1));
        Assert.Equal(["/models/one.gguf"], _engine.Loaded);
        _answer.SetResult();
        Assert.All(await Task.WhenAll(first, second, third), answer => Assert.Equal("Hello there", answer.Content));
        Assert.Equal(["/models/one.gguf", "/models/two.gguf", "/models/one.gguf"], _engine.Loads);
        Assert.Single(_engine.Loaded);
    }

    [Fact(Timeout = Patience)]
    public async Task AModelThatCannotBeLoadedIsToldAndTriedAgain()
    {
        _engine.Loading = _ => throw new ModelOpsException(ErrorKind.DoesNotFit, "one does not fit.");
        await using TestServer server = await TestServer.StartAsync(_engine);
        Assert.Equal((503, "does_not_fit", null), (await server.ChatAsync()).Error);
        _engine.Loading = _ => Task.CompletedTask;
        Assert.Equal("Hello there", (await server.ChatAsync()).Content);
    }

    [Fact(Timeout = Patience)]
    public async Task AnIdleModelIsUnloadedAndComesBack()
    {
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { Idle = TimeSpan.FromMilliseconds(100) });
        await server.ChatAsync();
        await UntilAsync(() => Task.FromResult(_engine.Loaded.Count == 0));
        Assert.Equal("Hello there", (await server.ChatAsync()).Content);
        Assert.Equal(2, _engine.Loads.Count);
    }

    [Fact(Timeout = Patience)]
    public async Task AnEndingServerFinishesWhatItAnswersAndRefusesTheRest()
    {
        Hold();
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { Parallel = 1 });
        Task<Answer> running = server.ChatAsync();
        await UntilAsync(() => Task.FromResult(_engine.Running == 1));
        Task<Answer> waiting = server.ChatAsync();
        await UntilAsync(async () => (await StateAsync(server)) is (1, 1));
        Task drained = server.Server.DrainAsync(TimeSpan.FromSeconds(50));
        Assert.Equal((503, "shutting_down", null), (await waiting).Error);
        Assert.Equal((503, "shutting_down", null), (await server.ChatAsync()).Error);
        Assert.Equal(503, (int)(await server.GetAsync("/health")).Status);
        Assert.False(drained.IsCompleted);
        _answer.SetResult();
        Assert.Equal("Hello there", (await running).Content);
        await drained;
    }

    [Fact(Timeout = Patience)]
    public async Task AnEndingServerBreaksOffWhatTakesTooLong()
    {
        Hold();
        await using TestServer server = await TestServer.StartAsync(_engine);
        Task<Answer> running = server.ChatAsync();
        await UntilAsync(() => Task.FromResult(_engine.Running == 1));
        await server.Server.DrainAsync(TimeSpan.FromMilliseconds(50));
        Assert.Equal((503, "shutting_down", null), (await running).Error);
        await server.DisposeAsync();
        Assert.Empty(_engine.Loaded);
    }

    private static async Task<(int Running, int Waiting)> StateAsync(TestServer server)
    {
        JsonElement model = (await server.GetAsync("/status")).Json.GetProperty("models")[0];
        return (model.GetProperty("running").GetInt32(), model.GetProperty("waiting").GetInt32());
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        while (!await condition())
            await Task.Delay(10, TestContext.Current.CancellationToken);
    }
}
