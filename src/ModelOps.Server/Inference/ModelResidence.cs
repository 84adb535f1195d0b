namespace ModelOps.Server.Inference;

/// <summary>
/// Which models are in memory: each is loaded when it is first asked for, leaves when nobody asked for a while, and makes room when another would not fit
/// beside it. Models come and go one at a time.
/// </summary>
internal sealed class ModelResidence : IAsyncDisposable
{
    private static readonly TimeSpan LongestTick = TimeSpan.FromSeconds(15);

    private readonly InferenceOptions _options;
    private readonly ServerMetrics _metrics;
    private readonly FitRequest _wish;
    private readonly SemaphoreSlim _moving = new(1);
    private readonly CancellationTokenSource _ending = new();
    private readonly Lock _lock = new();
    private readonly ITimer? _ticks;
    private Task _tidying = Task.CompletedTask;

    public ModelResidence(InferenceOptions options, ServerMetrics metrics)
    {
        _options = options;
        _metrics = metrics;
        _wish = options.Wish with { Sequences = options.Parallel };
        Models = [.. options.Models.Select(model => new ResidentModel(model, new FairQueue(options.Parallel, options.Queue, options.Time)))];
        if (options.Idle is { } idle)
        {
            TimeSpan period = idle / 4 < LongestTick ? idle / 4 : LongestTick;
            _ticks = options.Time.CreateTimer(_ => Tick(), null, period, period);
        }
    }

    /// <summary>The models, in the order in which they were offered.</summary>
    public IReadOnlyList<ResidentModel> Models { get; }

    /// <summary>Does work with a model when it is the client's turn, after loading it where it is not.</summary>
    public async Task<T> UseAsync<T>(ResidentModel model, string client, Func<IModelRunner, Task<T>> work, CancellationToken cancellationToken)
    {
        long came = _options.Time.GetTimestamp();
        using FairQueue.Turn turn = await model.Queue.EnterAsync(client, cancellationToken).ConfigureAwait(false);
        _metrics.Waited(model.Offered.Name, _options.Time.GetElapsedTime(came));
        try
        {
            IModelRunner runner = await LoadedAsync(model, cancellationToken).ConfigureAwait(false);
            return await work(runner).ConfigureAwait(false);
        }
        catch (ModelOpsException e)
        {
            if (e.Kind == ErrorKind.EngineCrashed)
            {
                _metrics.Crashed(model.Offered.Name);
                _options.Remark?.Invoke($"{model.Offered.Name}: {e.Message}");
            }
            // Where models lie is nobody's business but this machine's.
            throw new ModelOpsException(e.Kind, WithoutPath(e.Message), e.Hint is null ? null : WithoutPath(e.Hint), e);

            string WithoutPath(string text) => text.Replace(model.Offered.Path, model.Offered.Name, StringComparison.Ordinal);
        }
        finally
        {
            model.LastUsed = _options.Time.GetTimestamp();
        }
    }

    /// <summary>Refuses whoever waits and comes; done when all turns have ended.</summary>
    public Task CloseAsync() => Task.WhenAll(Models.Select(model => model.Queue.CloseAsync(new ApiException(ApiError.Ending))));

    /// <summary>Unloads all; turns must have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_ticks is not null)
            await _ticks.DisposeAsync().ConfigureAwait(false);
        await _ending.CancelAsync().ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
        await _tidying.ConfigureAwait(false);
        foreach (Task<IModelRunner>? loading in Models.Select(model => model.Loading))
        {
            if (loading is not null)
                await ((Task)loading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await _moving.WaitAsync().ConfigureAwait(false);
        foreach (ResidentModel model in Models)
            await UnloadAsync(model).ConfigureAwait(false);
        _moving.Dispose();
        _ending.Dispose();
    }

    private Task<IModelRunner> LoadedAsync(ResidentModel model, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (model.Runner is { } runner)
                return Task.FromResult(runner);
            // Not with the token of whoever came first: others wait for the same load.
            model.Loading ??= Task.Run(() => LoadAsync(model));
            return model.Loading.WaitAsync(cancellationToken);
        }
    }

    private async Task<IModelRunner> LoadAsync(ResidentModel model)
    {
        long began = _options.Time.GetTimestamp();
        IModelRunner? runner = null;
        try
        {
            await _moving.WaitAsync(_ending.Token).ConfigureAwait(false);
            try
            {
                FitRequest wish = await MakeRoomAsync(model).ConfigureAwait(false);
                runner = _options.Runner();
                EnginePlan plan = await runner.LoadAsync(new EngineOptions { ModelPath = model.Offered.Path, Threads = _options.Threads }, wish, null, _ending.Token).ConfigureAwait(false);
                lock (_lock)
                    (model.Runner, model.Plan, model.LastUsed) = (runner, plan, _options.Time.GetTimestamp());
                if (plan.Warning is not null)
                    _options.Remark?.Invoke($"warning: {plan.Warning}");
                TimeSpan took = _options.Time.GetElapsedTime(began);
                _metrics.Loaded(model.Offered.Name);
                _options.Remark?.Invoke(FormattableString.Invariant($"{model.Offered.Name} is loaded ({took.TotalSeconds:0.0} s)."));
                return runner;
            }
            finally
            {
                _moving.Release();
            }
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            throw new ApiException(ApiError.Ending);
        }
        finally
        {
            if (runner is not null && model.Runner != runner)
                await runner.DisposeAsync().ConfigureAwait(false);
            lock (_lock)
                model.Loading = null;
        }
    }

    /// <summary>Unloads others until the model fits beside the rest, or none is left; answers with what is asked of the placement.</summary>
    private async Task<FitRequest> MakeRoomAsync(ResidentModel model)
    {
        // Mapped weights count as free memory, as the system may drop them: models that are to share it must own theirs, or the next always seems to fit.
        FitRequest wish = Models.Count > 1 && _wish.Loading == WeightLoading.Auto ? _wish with { Loading = WeightLoading.Read } : _wish;
        while (!Fits(model, wish))
        {
            ResidentModel? other = Models.Where(other => other.Runner is not null).OrderBy(other => other.Queue.Running > 0).ThenBy(other => other.LastUsed).FirstOrDefault();
            if (other is null)
                // Alone, it may be read from its file again and again where nothing else helps.
                return _wish;
            // Its turns end first; who asks for it meanwhile waits, as those did who asked for this one.
            await other.Queue.PauseAsync().WaitAsync(_ending.Token).ConfigureAwait(false);
            try
            {
                await UnloadAsync(other).ConfigureAwait(false);
                _options.Remark?.Invoke($"{other.Offered.Name} made room for {model.Offered.Name}.");
            }
            finally
            {
                other.Queue.Resume();
            }
        }
        return wish;
    }

    private bool Fits(ResidentModel model, FitRequest wish)
    {
        try
        {
            return _options.Plan(model.Offered.Path, wish).Warning is null;
        }
        catch (ModelOpsException e) when (e.Kind == ErrorKind.DoesNotFit)
        {
            return false;
        }
    }

    private async Task UnloadAsync(ResidentModel model)
    {
        IModelRunner? runner;
        lock (_lock)
        {
            runner = model.Runner;
            (model.Runner, model.Plan) = (null, null);
        }
        if (runner is not null)
            await runner.DisposeAsync().ConfigureAwait(false);
    }

    private void Tick()
    {
        lock (_lock)
        {
            if (_tidying.IsCompleted && !_ending.IsCancellationRequested)
                _tidying = Task.Run(UnloadIdleAsync);
        }
    }

    private async Task UnloadIdleAsync()
    {
        foreach (ResidentModel model in Models.Where(model => model.Runner is not null && _options.Time.GetElapsedTime(model.LastUsed) >= _options.Idle))
        {
            if (!model.Queue.TryPause())
                continue;
            try
            {
                await UnloadAsync(model).ConfigureAwait(false);
                _options.Remark?.Invoke($"{model.Offered.Name} is unloaded: nobody asked for it for a while.");
            }
            finally
            {
                model.Queue.Resume();
            }
        }
    }
}
