using ModelOps.Server.Inference;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

public sealed class FairQueueTests
{
    [Fact]
    public async Task EveryClientGetsItsTurnWhateverOthersAskFor()
    {
        var queue = new FairQueue(1, 100, TimeProvider.System);
        using FairQueue.Turn first = await queue.EnterAsync("greedy", default);
        var order = new List<string>();
        List<Task> asked = [.. Enumerable.Range(0, 5).Select(_ => AskAsync("greedy")), AskAsync("b"), AskAsync("c"), AskAsync("b")];
        Assert.Equal((1, 8), (queue.Running, queue.Waiting));

        first.Dispose();
        await Task.WhenAll(asked);

        Assert.Equal(["b", "c", "greedy", "b", "greedy", "greedy", "greedy", "greedy"], order);
        Assert.Equal((0, 0), (queue.Running, queue.Waiting));

        async Task AskAsync(string client)
        {
            using FairQueue.Turn turn = await queue.EnterAsync(client, default);
            lock (order)
                order.Add(client);
        }
    }

    [Fact]
    public async Task WhoHasFewestTurnsGoesFirst()
    {
        var queue = new FairQueue(3, 100, TimeProvider.System);
        FairQueue.Turn[] greedy = [await queue.EnterAsync("greedy", default), await queue.EnterAsync("greedy", default), await queue.EnterAsync("greedy", default)];
        Task<FairQueue.Turn> more = queue.EnterAsync("greedy", default);
        Task<FairQueue.Turn> other = queue.EnterAsync("other", default);
        greedy[0].Dispose();
        using FairQueue.Turn won = await other;
        Assert.False(more.IsCompleted);
        greedy[1].Dispose();
        (await more).Dispose();
        greedy[2].Dispose();
    }

    /// <summary>One at a time gets as many turns as eight at once: it is not the queue's end that counts, but the last turn.</summary>
    [Fact]
    public async Task WhoComesBackAfterItsTurnLosesNothingByIt()
    {
        var queue = new FairQueue(1, 100, TimeProvider.System);
        FairQueue.Turn turn = await queue.EnterAsync("other", default);
        Queue<Task<FairQueue.Turn>> greedy = new(Enumerable.Range(0, 8).Select(_ => queue.EnterAsync("greedy", default)));
        for (int i = 0; i < 3; i++)
        {
            turn.Dispose();
            turn = await greedy.Dequeue();
            // The modest one asks when the greedy one has its turn, behind all its other requests.
            Task<FairQueue.Turn> modest = queue.EnterAsync("modest", default);
            turn.Dispose();
            turn = await modest;
        }
        turn.Dispose();
        while (greedy.TryDequeue(out Task<FairQueue.Turn>? rest))
            (await rest).Dispose();
    }

    [Fact]
    public async Task AFullQueueRefusesTheNewestOfWhoAsksMost()
    {
        var queue = new FairQueue(1, 3, TimeProvider.System);
        using FairQueue.Turn running = await queue.EnterAsync("a", default);
        Task<FairQueue.Turn>[] greedy = [queue.EnterAsync("a", default), queue.EnterAsync("a", default), queue.EnterAsync("a", default)];

        ApiException full = await Assert.ThrowsAsync<ApiException>(() => queue.EnterAsync("a", default));
        Task<FairQueue.Turn> modest = queue.EnterAsync("b", default);

        Assert.Equal((429, "queue_full"), (full.Error.Status, full.Error.Code));
        Assert.InRange(full.Error.RetryAfter!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        await Assert.ThrowsAsync<ApiException>(() => greedy[2]);
        Assert.False(greedy[1].IsCompleted);
        Assert.False(modest.IsCompleted);
        // Two of a and one of b: nobody is greedier by more than this request would make b.
        await Assert.ThrowsAsync<ApiException>(() => queue.EnterAsync("b", default));
        running.Dispose();
        foreach (Task<FairQueue.Turn> waiting in new[] { modest, greedy[0], greedy[1] })
            (await waiting).Dispose();
    }

    [Fact]
    public async Task WhoGoesAwayTakesNoTurn()
    {
        var queue = new FairQueue(1, 3, TimeProvider.System);
        FairQueue.Turn running = await queue.EnterAsync("a", default);
        using var gone = new CancellationTokenSource();
        Task<FairQueue.Turn> leaving = queue.EnterAsync("b", gone.Token);
        Task<FairQueue.Turn> staying = queue.EnterAsync("c", default);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        Assert.Equal(1, queue.Waiting);
        running.Dispose();
        (await staying).Dispose();
        Assert.Equal((0, 0), (queue.Running, queue.Waiting));
    }

    [Fact]
    public async Task APauseGivesNoTurnAndEndsWhenAllHaveEnded()
    {
        var queue = new FairQueue(2, 3, TimeProvider.System);
        FairQueue.Turn running = await queue.EnterAsync("a", default);
        Assert.False(queue.TryPause());
        Task paused = queue.PauseAsync();
        Task<FairQueue.Turn> waiting = queue.EnterAsync("b", default);
        Assert.False(paused.IsCompleted);
        Assert.False(waiting.IsCompleted);
        running.Dispose();
        await paused;
        Assert.False(waiting.IsCompleted);
        queue.Resume();
        (await waiting).Dispose();
        Assert.True(queue.TryPause());
    }

    [Fact]
    public async Task AClosedQueueRefusesWhoWaitsAndWhoComes()
    {
        var queue = new FairQueue(1, 3, TimeProvider.System);
        FairQueue.Turn running = await queue.EnterAsync("a", default);
        Task<FairQueue.Turn> waiting = queue.EnterAsync("b", default);
        Task closed = queue.CloseAsync(new ApiException(ApiError.Ending));
        await Assert.ThrowsAsync<ApiException>(() => waiting);
        await Assert.ThrowsAsync<ApiException>(() => queue.EnterAsync("c", default));
        Assert.False(closed.IsCompleted);
        running.Dispose();
        await closed;
    }

    /// <summary>Under many threads, never more turns than slots, and nothing is left over.</summary>
    [Fact]
    public async Task TurnsAreNeverMoreThanSlots()
    {
        var queue = new FairQueue(3, 10_000, TimeProvider.System);
        int running = 0;
        int done = 0;
        await Task.WhenAll(Enumerable.Range(0, 2000).Select(i => Task.Run(async () =>
        {
            using var impatience = new CancellationTokenSource();
            if (i % 5 == 0)
                impatience.CancelAfter(i % 7);
            try
            {
                using FairQueue.Turn turn = await queue.EnterAsync($"client {i % 11}", impatience.Token);
                Assert.InRange(Interlocked.Increment(ref running), 1, 3);
                await Task.Yield();
                Interlocked.Decrement(ref running);
                Interlocked.Increment(ref done);
            }
            catch (OperationCanceledException) when (impatience.IsCancellationRequested)
            {
                // Some go away: that is what is tested.
            }
        })));
        Assert.InRange(done, 1600, 2000);
        Assert.Equal((0, 0), (queue.Running, queue.Waiting));
    }
}
