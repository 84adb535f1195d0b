using System.Diagnostics;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Runner;

/// <summary>One worker for all callers: turns, the model that stays, the idle time.</summary>
public sealed class SharedRunnerTests : IAsyncLifetime
{
    private static readonly EngineOptions Golden = new() { ModelPath = GoldenLogits.PathOf("llama", "f32"), Threads = 1 };
    private static readonly FitRequest Wish = new() { ContextLength = 512, GpuLayers = 0 };
    private static readonly GenerationRequest Greedy = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 4 };

    private readonly HandTime _time = new();
    private readonly SharedRunner _shared;

    public SharedRunnerTests() => _shared = new SharedRunner(["dotnet", Path.Combine(AppContext.BaseDirectory, "modelops.dll"), "worker", "--pipe", "{pipe}"], _time);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _shared.DisposeAsync();

    [Fact]
    public async Task TheModelStaysAndTheSessionTells()
    {
        Assert.Null(_shared.Session);
        ModelSession? during = null;
        await AskAsync(Wish, () => during = _shared.Session);
        Assert.Equal((ModelSessionState.Busy, null), (during!.State, during.IdleTimeLeft));

        var first = _shared.Session!;
        Assert.Equal((ModelSessionState.Idle, Golden.ModelPath, 512), (first.State, first.Model, first.Parameters!.ContextLength));
        Assert.Equal(SharedRunner.DefaultKeepAlive, first.IdleTimeLeft);
        Assert.InRange(first.MemoryBytes, 1 << 20, 1L << 40);

        _time.Advance(TimeSpan.FromMinutes(3));
        Assert.Equal(SharedRunner.DefaultKeepAlive - TimeSpan.FromMinutes(3), _shared.Session!.IdleTimeLeft);
        await AskAsync(Wish);
        var again = _shared.Session!;
        Assert.Equal((first.ProcessId, first.LoadedAt), (again.ProcessId, again.LoadedAt));
        Assert.Equal(first.LastUsedAt + TimeSpan.FromMinutes(3), again.LastUsedAt);

        await AskAsync(Wish with { ContextLength = 1024 });
        Assert.Equal((first.ProcessId, 1024), (_shared.Session!.ProcessId, _shared.Session.Parameters!.ContextLength));
        Assert.NotEqual(first.LoadedAt, _shared.Session.LoadedAt);
    }

    [Fact]
    public async Task AnIdleWorkerEndsAndTheNextCallHasAnother()
    {
        _shared.KeepAlive = TimeSpan.FromMinutes(2);
        await AskAsync(Wish);
        using var worker = Process.GetProcessById(_shared.Session!.ProcessId);

        _time.Advance(TimeSpan.FromMinutes(1));
        await AskAsync(Wish);
        _time.Advance(TimeSpan.FromMinutes(1.9));
        Assert.Equal(worker.Id, _shared.Session?.ProcessId);
        _time.Advance(TimeSpan.FromMinutes(0.2));

        await worker.WaitForExitAsync();
        await AskAsync(Wish);
        Assert.NotEqual(worker.Id, _shared.Session!.ProcessId);
    }

    [Fact]
    public async Task ABusyWorkerIsNotIdleHoweverLongItTakes()
    {
        _shared.KeepAlive = TimeSpan.FromSeconds(1);
        await AskAsync(Wish);
        var worker = _shared.Session!.ProcessId;
        await AskAsync(Wish, () => _time.Advance(TimeSpan.FromHours(1)));
        Assert.Equal(worker, _shared.Session?.ProcessId);
    }

    [Fact]
    public async Task KeptForEverItHasNoEnd()
    {
        _shared.KeepAlive = Timeout.InfiniteTimeSpan;
        await AskAsync(Wish);
        _time.Advance(TimeSpan.FromDays(1000));
        Assert.Equal((ModelSessionState.Idle, null), (_shared.Session!.State, _shared.Session.IdleTimeLeft));
    }

    [Fact]
    public async Task NotKeptAtAllItEndsAtOnce()
    {
        _shared.KeepAlive = TimeSpan.Zero;
        int worker = 0;
        await AskAsync(Wish, () => worker = _shared.Session!.ProcessId);
        _time.Advance(TimeSpan.Zero);
        try
        {
            using var process = Process.GetProcessById(worker);
            await process.WaitForExitAsync();
        }
        catch (ArgumentException)
        {
            // gone already
        }
        Assert.Null(_shared.Session);
    }

    [Fact]
    public async Task ClosingEndsTheWorkerWhenItHasDoneItsWork()
    {
        var (started, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        var using1 = _shared.UseAsync(Golden, Wish, async (runner, _) =>
        {
            started.SetResult();
            await go.Task;
            return await runner.GenerateAsync(Greedy);
        });
        await started.Task;
        using var worker = Process.GetProcessById(_shared.Session!.ProcessId);
        var closing = _shared.CloseAsync();
        Assert.False(closing.IsCompleted);

        go.SetResult();
        Assert.Equal(4, (await using1).Tokens.Count);
        await closing;
        Assert.True(worker.HasExited);
        Assert.Null(_shared.Session);
        await _shared.CloseAsync();
    }

    [Fact]
    public async Task WhoWantsTheSameModelJoinsWhoWantsAnotherWaits()
    {
        var (both, go) = (new CountdownEvent(2), new TaskCompletionSource());
        async Task<int> UseAsync(FitRequest wish, bool signal) => await _shared.UseAsync(Golden, wish, async (runner, plan) =>
        {
            if (signal)
            {
                both.Signal();
                await go.Task;
            }
            await runner.GenerateAsync(Greedy);
            return plan.Parameters.ContextLength;
        });

        var first = UseAsync(Wish, true);
        var second = UseAsync(Wish, true);
        await Task.Run(both.Wait);
        var other = UseAsync(Wish with { ContextLength = 1024 }, false);
        // Behind one who waits for another model nobody joins: else that one might wait for ever.
        var late = UseAsync(Wish, false);
        Assert.False(other.IsCompleted || late.IsCompleted);

        go.SetResult();
        var lengths = await Task.WhenAll(first, second, other, late);
        Assert.Equal([512, 512, 1024, 512], lengths);
    }

    [Fact]
    public async Task WhoGivesUpWaitingIsInNobodysWay()
    {
        var (started, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        var first = _shared.UseAsync(Golden, Wish, async (runner, _) =>
        {
            started.SetResult();
            await go.Task;
            return 1;
        });
        await started.Task;
        using var cancellation = new CancellationTokenSource();
        var other = _shared.UseAsync(Golden, Wish with { ContextLength = 1024 }, (_, _) => Task.FromResult(2), null, cancellation.Token);
        var third = _shared.UseAsync(Golden, Wish, (_, _) => Task.FromResult(3));
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => other);
        Assert.Equal(3, await third); // it has joined the first
        go.SetResult();
        Assert.Equal(1, await first);
    }

    [Fact]
    public async Task AModelThatCannotBeLoadedIsToldToAllAndTheNextIsLoaded()
    {
        var missing = Golden with { ModelPath = Golden.ModelPath + ".missing" };
        var errors = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Assert.ThrowsAsync<ModelOpsException>(() => _shared.UseAsync(missing, Wish, (_, _) => Task.FromResult(0)))));
        Assert.All(errors, error => Assert.Equal(ErrorKind.FileNotFound, error.Kind));
        await AskAsync(Wish);
    }

    [Fact]
    public async Task AKilledWorkerIsReplacedForAllThatShareIt()
    {
        await AskAsync(Wish);
        using (var worker = Process.GetProcessById(_shared.Session!.ProcessId))
        {
            worker.Kill();
            await worker.WaitForExitAsync();
        }
        Assert.Null(_shared.Session);
        await Task.WhenAll(AskAsync(Wish), AskAsync(Wish), AskAsync(Wish));
        Assert.NotNull(_shared.Session?.Model);
    }

    private async Task AskAsync(FitRequest wish, Action? during = null)
        => Assert.Equal(4, (await _shared.UseAsync(Golden, wish, (runner, _) =>
        {
            during?.Invoke();
            return runner.GenerateAsync(Greedy);
        })).Tokens.Count);

    /// <summary>Time that passes when it is told to.</summary>
    private sealed class HandTime : TimeProvider
    {
        private readonly List<HandTimer> _timers = [];
        private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new HandTimer(this, () => callback(state));
            timer.Change(dueTime, period);
            _timers.Add(timer);
            return timer;
        }

        public void Advance(TimeSpan time)
        {
            _now += time;
            _timers.ForEach(timer => timer.Look());
        }

        private sealed class HandTimer(HandTime time, Action ring) : ITimer
        {
            private DateTimeOffset? _due;

            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                _due = dueTime == Timeout.InfiniteTimeSpan ? null : time._now + dueTime;
                return true;
            }

            public void Look()
            {
                if (_due <= time._now)
                {
                    _due = null;
                    ring();
                }
            }

            public void Dispose() => _due = null;

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
