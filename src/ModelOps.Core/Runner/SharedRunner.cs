using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using ModelOps.Runner;

namespace ModelOps;

/// <summary>
/// One worker that all callers of a program share. Who wants the model that is loaded joins those who use it; who wants another waits until they have
/// done. The model stays loaded between calls; after an idle time the worker ends, and the next call starts another.
/// </summary>
public sealed class SharedRunner : IAsyncDisposable
{
    private readonly IReadOnlyList<string> _command;
    private readonly TimeProvider _time;
    private readonly SharedTurns _turns = new();
    private readonly SemaphoreSlim _loading = new(1);
    private readonly ITimer _idle;
    private WorkerRunner? _runner;
    private Loaded? _loaded;
    private bool _isLoading;
    private DateTimeOffset _lastUsedAt;
    private DateTimeOffset? _endsAt;

    /// <summary>A runner whose worker is started as <see cref="WorkerRunner(IReadOnlyList{string})"/> says, at the first call.</summary>
    public SharedRunner(IReadOnlyList<string> command, TimeProvider? time = null)
    {
        _command = command;
        _time = time ?? TimeProvider.System;
        _idle = _time.CreateTimer(_ => EndIdle(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How long a worker without work is kept where nobody says otherwise.</summary>
    public static TimeSpan DefaultKeepAlive { get; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the worker is kept after the last call; <see cref="Timeout.InfiniteTimeSpan"/> keeps it as long as this object lives.</summary>
    public TimeSpan KeepAlive { get; set; } = DefaultKeepAlive;

    /// <summary>The worker, null when there is none.</summary>
    public ModelSession? Session
    {
        get
        {
            if (_runner is not { WorkerId: { } id } || Look(id) is not { } process)
            {
                return null;
            }
            ModelSessionState state = _isLoading ? ModelSessionState.Loading : _turns.Users > 0 ? ModelSessionState.Busy : ModelSessionState.Idle;
            TimeSpan? left = state == ModelSessionState.Idle && _endsAt is { } end ? end - _time.GetUtcNow() : null;
            Loaded? loaded = _loaded;
            return new ModelSession(id, loaded?.Options.ModelPath, loaded?.Plan.Parameters, process.StartedAt, loaded?.At, _lastUsedAt, process.Bytes, left is { Ticks: < 0 } ? TimeSpan.Zero : left, state);
        }
    }

    /// <summary>
    /// Uses a model, loaded with the placement that fits among those wished for, beside others who want the very same. <paramref name="use"/> must not
    /// wait for somebody who waits for a turn.
    /// </summary>
    /// <exception cref="ModelOpsException">What <see cref="IModelRunner.LoadAsync(EngineOptions, FitRequest, IProgress{float}, CancellationToken)"/> and <paramref name="use"/> throw.</exception>
    public Task<T> UseAsync<T>(EngineOptions model, FitRequest wish, Func<IModelRunner, EnginePlan, Task<T>> use, IProgress<float>? loading = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(wish);
        ArgumentNullException.ThrowIfNull(use);
        string key = $"{JsonSerializer.Serialize(model, WorkerJson.Default.EngineOptions)}\n{JsonSerializer.Serialize(wish, WorkerJson.Default.FitRequest)}";
        return TakeTurnAsync(key, async (runner, first) =>
        {
            EnginePlan plan = await LoadAsync(runner, key, model, wish, again: first, loading, cancellationToken).ConfigureAwait(false);
            return await use(runner, plan).ConfigureAwait(false);
        }, cancellationToken);
    }

    /// <summary>Uses the worker alone, to measure something say; the loaded model is not to be changed.</summary>
    public Task<T> UseAloneAsync<T>(Func<IModelRunner, Task<T>> use, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(use);
        return TakeTurnAsync(null, (runner, _) => use(runner), cancellationToken);
    }

    /// <summary>Ends the worker, once it has done what it is doing; the next call starts another.</summary>
    public async Task CloseAsync(CancellationToken cancellationToken = default)
    {
        await _turns.EnterAsync(null, cancellationToken).ConfigureAwait(false);
        await DropAndLeaveAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await CloseAsync().ConfigureAwait(false);
        await _idle.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<T> TakeTurnAsync<T>(string? key, Func<WorkerRunner, bool, Task<T>> use, CancellationToken cancellationToken)
    {
        bool first = await _turns.EnterAsync(key, cancellationToken).ConfigureAwait(false);
        try
        {
            if (first)
            {
                _idle.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                if (_runner is null)
                {
                    (_runner, _loaded) = (new WorkerRunner(_command), null);
                }
            }
            _lastUsedAt = _time.GetUtcNow();
            return await use(_runner!, first).ConfigureAwait(false);
        }
        finally
        {
            _lastUsedAt = _time.GetUtcNow();
            TimeSpan keep = KeepAlive;
            _endsAt = keep == Timeout.InfiniteTimeSpan ? null : _lastUsedAt + keep;
            if (_turns.Leave())
            {
                _idle.Change(keep, Timeout.InfiniteTimeSpan);
            }
        }
    }

    // The first of those who share asks the worker every time, as the file may be another than a minute ago; those who join it need not.
    private async Task<EnginePlan> LoadAsync(WorkerRunner runner, string key, EngineOptions model, FitRequest wish, bool again, IProgress<float>? progress, CancellationToken cancellationToken)
    {
        await _loading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!again && _loaded is { } loaded && loaded.Key == key)
            {
                return loaded.Plan;
            }
            _isLoading = true;
            int? before = runner.WorkerId;
            Loaded? earlier = _loaded;
            _loaded = null;
            EnginePlan plan = await runner.LoadAsync(model, wish, progress, cancellationToken).ConfigureAwait(false);
            bool stayed = runner.WorkerId == before && earlier?.Key == key;
            _loaded = new Loaded(key, model, plan, stayed ? earlier!.At : _time.GetUtcNow());
            return plan;
        }
        finally
        {
            _isLoading = false;
            _loading.Release();
        }
    }

    private void EndIdle()
    {
        // Where somebody has come just now, that call's end starts the clock again.
        if (!_turns.TryEnterAlone())
        {
            return;
        }
        if (_endsAt is { } end && end - _time.GetUtcNow() is { Ticks: > 0 } left)
        {
            _turns.Leave();
            _idle.Change(left, Timeout.InfiniteTimeSpan);
            return;
        }
        // Nobody waits for it; what it could throw is a child that does not die.
        _ = DropAndLeaveAsync();
    }

    private async Task DropAndLeaveAsync()
    {
        try
        {
            WorkerRunner? runner = _runner;
            (_runner, _loaded) = (null, null);
            if (runner is not null)
            {
                await runner.DisposeAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            _turns.Leave();
        }
    }

    private static (DateTimeOffset StartedAt, long Bytes)? Look(int processId)
    {
        try
        {
            using Process process = Process.GetProcessById(processId);
            return (process.StartTime, process.WorkingSet64);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return null; // it has just ended
        }
    }

    private sealed record Loaded(string Key, EngineOptions Options, EnginePlan Plan, DateTimeOffset At);
}
