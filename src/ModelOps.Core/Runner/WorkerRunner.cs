using ModelOps.Engine;
using ModelOps.Runner;

namespace ModelOps;

/// <summary>
/// Runs models in a child process, so that an abort in native code cannot end a shell. The child is started at the first call, restarted
/// after a crash, and ends with this object or with this process. Its command line ends in calling <see cref="WorkerHost.Run"/>.
/// </summary>
public sealed class WorkerRunner : IModelRunner
{
    private readonly CallGate _gate = new();
    private readonly WorkerConnection _connection;
    private EngineOptions? _model;
    private string? _loaded;
    private EnginePlan? _plan;
    // The child that has it: another one must load it first.
    private int? _modelIn;
    private bool _disposed;

    /// <summary>
    /// A runner whose child is started by <paramref name="command"/>: file name, then arguments; <c>{pipe}</c> in an argument stands for the name of the pipe.
    /// </summary>
    public WorkerRunner(IReadOnlyList<string> command)
    {
        ArgumentNullException.ThrowIfNull(command);
        if (command.Count == 0)
        {
            throw new ArgumentException("The command is empty.", nameof(command));
        }
        _connection = new WorkerConnection(command);
    }

    /// <summary>How long a child may take to react to a cancel message before it is killed.</summary>
    internal TimeSpan CancelPatience
    {
        get => _connection.CancelPatience;
        init => _connection.CancelPatience = value;
    }

    /// <summary>Process id of the child, null when there is none.</summary>
    internal int? WorkerId => _connection.WorkerId;

    /// <inheritdoc/>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineCrashed"/> with the child's last words when it dies.</exception>
    public async Task LoadAsync(EngineOptions options, IProgress<float>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        await LoadAsync(options, null, progress, cancellationToken, _ => options).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<EnginePlan> LoadAsync(EngineOptions options, FitRequest wish, IProgress<float>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(wish);
        return (await LoadAsync(options, wish, progress, cancellationToken, plan => options with { Parameters = plan!.Parameters }).ConfigureAwait(false))!;
    }

    /// <inheritdoc/>
    public Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return BesideOthersAsync(async () =>
        {
            WorkerEvent end = await CallAsync(id => new WorkerRequest(id, WorkerCall.Generate) { Generate = request }, message =>
            {
                if (message.Token is { } token)
                {
                    progress?.Report(token);
                }
            }, "while answering", cancellationToken).ConfigureAwait(false);
            return end.Answer!;
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<EmbeddingResult> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return BesideOthersAsync(async () =>
            (await CallAsync(id => new WorkerRequest(id, WorkerCall.Embed) { Embed = request }, _ => { }, "while reading texts", cancellationToken).ConfigureAwait(false)).Embedding!, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<RerankResult> RerankAsync(RerankRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return BesideOthersAsync(async () =>
            (await CallAsync(id => new WorkerRequest(id, WorkerCall.Rerank) { Rerank = request }, _ => { }, "while judging documents", cancellationToken).ConfigureAwait(false)).Ranking!, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<QualityResult> MeasureAsync(MeasureRequest request, IProgress<MeasureProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return ExclusivelyAsync(async () =>
        {
            foreach (string path in new[] { request.ModelPath, request.ReferencePath }.OfType<string>())
            {
                await CheckAsync(new EngineOptions { ModelPath = path, Parameters = new() { ContextLength = request.ContextLength, GpuLayers = request.GpuLayers }, Threads = request.Threads }, cancellationToken).ConfigureAwait(false);
            }
            WorkerEvent end = await CallAsync(id => new WorkerRequest(id, WorkerCall.Measure) { Measure = Rooted(request) }, message =>
            {
                if (message.MeasureProgress is { } done)
                {
                    progress?.Report(done);
                }
            }, "while measuring", cancellationToken).ConfigureAwait(false);
            return end.Quality!;
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<SensitivityTable> MeasureSensitivityAsync(SensitivityRequest request, IProgress<SensitivityProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return ExclusivelyAsync(async () =>
        {
            WorkerEvent end = await CallAsync(id => new WorkerRequest(id, WorkerCall.MeasureSensitivity) { MeasureSensitivity = Rooted(request) }, message =>
            {
                if (message.SensitivityProgress is { } done)
                {
                    progress?.Report(done);
                }
            }, "while measuring sensitivity", cancellationToken).ConfigureAwait(false);
            return end.Sensitivity!;
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<Device>> ReadDevicesAsync(CancellationToken cancellationToken = default)
        => ExclusivelyAsync(async () =>
        {
            WorkerEvent end = await CallAsync(id => new WorkerRequest(id, WorkerCall.ReadDevices), _ => { }, "while looking for GPUs", cancellationToken).ConfigureAwait(false);
            return end.Devices!;
        }, cancellationToken);

    /// <inheritdoc/>
    public Task<RuntimeProbe> ProbeRuntimeAsync(CancellationToken cancellationToken = default)
        => ExclusivelyAsync(async () =>
        {
            WorkerEvent end = await CallAsync(id => new WorkerRequest(id, WorkerCall.ProbeRuntime), _ => { }, "while starting the runtime", cancellationToken).ConfigureAwait(false);
            return end.Runtime!;
        }, cancellationToken);

    /// <inheritdoc/>
    public Task<EngineMemory> ProbeMemoryAsync(EngineOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return ExclusivelyAsync(async () =>
        {
            await Task.Run(() => MemoryProbe.Check(options), cancellationToken).ConfigureAwait(false);
            WorkerEvent end = await CallAsync(id => new WorkerRequest(id, WorkerCall.ProbeMemory) { ProbeMemory = Rooted(options) }, _ => { }, "while computing what the model takes", cancellationToken).ConfigureAwait(false);
            return end.Memory!;
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<SpeedResult> MeasureSpeedAsync(SpeedRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return ExclusivelyAsync(async () =>
        {
            SpeedMeter.Check(request);
            await CheckAsync(SpeedMeter.Options(request), cancellationToken).ConfigureAwait(false);
            SpeedRequest rooted = request with { ModelPath = Path.GetFullPath(request.ModelPath) };
            WorkerEvent end = await CallAsync(id => new WorkerRequest(id, WorkerCall.MeasureSpeed) { MeasureSpeed = rooted }, Hear, "while measuring speed", cancellationToken).ConfigureAwait(false);
            return end.Speed!;
        }, cancellationToken);

        void Hear(WorkerEvent message) => Report(message, progress);
    }

    /// <inheritdoc/>
    public Task<SpeedCalibration> CalibrateAsync(CalibrationRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return ExclusivelyAsync(async () =>
        {
            CalibrationRequest rooted = request with { WorkFolder = request.WorkFolder is null ? null : Path.GetFullPath(request.WorkFolder) };
            WorkerEvent end = await CallAsync(id => new WorkerRequest(id, WorkerCall.Calibrate) { Calibrate = rooted }, Hear, "while calibrating", cancellationToken).ConfigureAwait(false);
            return end.Calibration!;
        }, cancellationToken);

        void Hear(WorkerEvent message) => Report(message, progress);
    }

    private static void Report(WorkerEvent message, IProgress<SpeedProgress>? progress)
    {
        if (message.SpeedProgress is { } done)
        {
            progress?.Report(done);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }
        _disposed = true;
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>A broken file is told at once, instead of after the second that starting a child takes; one that runs looks for itself.</summary>
    private Task CheckAsync(EngineOptions options, CancellationToken cancellationToken)
        => WorkerId is not null ? Task.CompletedTask : Task.Run(() => LlamaEngine.Check(options), cancellationToken);

    private async Task<EnginePlan?> LoadAsync(EngineOptions options, FitRequest? wish, IProgress<float>? progress, CancellationToken cancellationToken, Func<EnginePlan?, EngineOptions> settle)
    {
        string wanted = LoadedModel.Describe(options, wish);
        using (await _gate.EnterAsync(alone: false, cancellationToken).ConfigureAwait(false))
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_model is not null && _loaded == wanted && !IsModelGone)
            {
                progress?.Report(1);
                return _plan;
            }
        }
        return await ExclusivelyAsync(async () =>
        {
            _model = null;
            _plan = (await LoadInWorkerAsync(options, wish, progress, cancellationToken).ConfigureAwait(false)).Plan;
            _model = settle(_plan);
            _loaded = wanted;
            return _plan;
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task<WorkerEvent> LoadInWorkerAsync(EngineOptions options, FitRequest? wish, IProgress<float>? progress, CancellationToken cancellationToken)
    {
        _modelIn = null;
        await CheckAsync(options, cancellationToken).ConfigureAwait(false);
        WorkerEvent end = await CallAsync(id => new WorkerRequest(id, WorkerCall.Load) { Load = Rooted(options), Wish = wish }, message =>
        {
            if (message.LoadProgress is { } fraction)
            {
                progress?.Report(fraction);
            }
        }, $"while loading {options.ModelPath}", cancellationToken).ConfigureAwait(false);
        _modelIn = WorkerId;
        return end;
    }

    private Task<WorkerEvent> CallAsync(Func<int, WorkerRequest> request, Action<WorkerEvent> hear, string during, CancellationToken cancellationToken)
        => _connection.CallAsync(request, hear, during, cancellationToken);

    private async Task<T> ExclusivelyAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        using CallGate.Pass pass = await _gate.EnterAsync(alone: true, cancellationToken).ConfigureAwait(false);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return await call().ConfigureAwait(false);
    }

    /// <summary>Asks the loaded model, together with others; where the child that had it is gone, one of them loads it again first.</summary>
    private async Task<T> BesideOthersAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        while (true)
        {
            using (CallGate.Pass pass = await _gate.EnterAsync(alone: false, cancellationToken).ConfigureAwait(false))
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                if (!IsModelGone)
                {
                    return await call().ConfigureAwait(false);
                }
            }
            await ExclusivelyAsync(async () => IsModelGone ? await LoadInWorkerAsync(_model!, null, null, cancellationToken).ConfigureAwait(false) : null, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool IsModelGone => _model is not null && (_modelIn is null || _modelIn != WorkerId);

    // PowerShell's idea of the current folder is not the process's, nor need the child's be.
    private static EngineOptions Rooted(EngineOptions options) => options with
    {
        ModelPath = Path.GetFullPath(options.ModelPath),
        Adapters = [.. options.Adapters.Select(adapter => adapter with { Path = Path.GetFullPath(adapter.Path) })],
    };

    private static MeasureRequest Rooted(MeasureRequest request) => request with
    {
        ModelPath = Path.GetFullPath(request.ModelPath),
        ReferencePath = request.ReferencePath is null ? null : Path.GetFullPath(request.ReferencePath),
    };

    private static SensitivityRequest Rooted(SensitivityRequest request) => request with
    {
        Source = Path.GetFullPath(request.Source),
        ImportanceMatrix = request.ImportanceMatrix is null ? null : Path.GetFullPath(request.ImportanceMatrix),
        WorkFolder = request.WorkFolder is null ? null : Path.GetFullPath(request.WorkFolder),
    };
}
