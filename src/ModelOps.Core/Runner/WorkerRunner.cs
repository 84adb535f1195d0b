using ModelOps.Engine;
using ModelOps.Runner;

namespace ModelOps;

/// <summary>
/// Runs models in a child process, so that an abort in native code cannot end a shell. The child is started at the first call, restarted
/// after a crash, and ends with this object or with this process. Its command line ends in calling <see cref="WorkerHost.Run"/>.
/// </summary>
public sealed class WorkerRunner : IModelRunner
{
    private readonly IReadOnlyList<string> _command;
    private readonly SemaphoreSlim _calling = new(1);
    private WorkerProcess? _worker;
    private EngineOptions? _model;
    private bool _modelInWorker;
    private int _lastId;
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
        _command = command;
    }

    /// <summary>How long a child may take to react to a cancel message before it is killed.</summary>
    internal TimeSpan CancelPatience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Process id of the child, null when there is none.</summary>
    internal int? WorkerId => _worker is { IsAlive: true } worker ? worker.Id : null;

    /// <inheritdoc/>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineCrashed"/> with the child's last words when it dies.</exception>
    public async Task LoadAsync(EngineOptions options, IProgress<float>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        await ExclusivelyAsync(async () =>
        {
            _model = null;
            await LoadInWorkerAsync(options, null, progress, cancellationToken).ConfigureAwait(false);
            _model = options;
            return true;
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<EnginePlan> LoadAsync(EngineOptions options, FitRequest wish, IProgress<float>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(wish);
        return ExclusivelyAsync(async () =>
        {
            _model = null;
            EnginePlan plan = (await LoadInWorkerAsync(options, wish, progress, cancellationToken).ConfigureAwait(false)).Plan!;
            _model = options with { Parameters = plan.Parameters };
            return plan;
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return ExclusivelyAsync(async () =>
        {
            if (_model is { } model && !(_modelInWorker && _worker is { IsAlive: true }))
            {
                // The child that had the model died in an earlier call.
                await LoadInWorkerAsync(model, null, null, cancellationToken).ConfigureAwait(false);
            }
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
        await DropWorkerAsync().ConfigureAwait(false);
    }

    /// <summary>A broken file is told at once, instead of after the second that starting a child takes; one that runs looks for itself.</summary>
    private Task CheckAsync(EngineOptions options, CancellationToken cancellationToken)
        => _worker is { IsAlive: true } ? Task.CompletedTask : Task.Run(() => LlamaEngine.Check(options), cancellationToken);

    private async Task<WorkerEvent> LoadInWorkerAsync(EngineOptions options, FitRequest? wish, IProgress<float>? progress, CancellationToken cancellationToken)
    {
        _modelInWorker = false;
        await CheckAsync(options, cancellationToken).ConfigureAwait(false);
        WorkerEvent end = await CallAsync(id => new WorkerRequest(id, WorkerCall.Load) { Load = Rooted(options), Wish = wish }, message =>
        {
            if (message.LoadProgress is { } fraction)
            {
                progress?.Report(fraction);
            }
        }, $"while loading {options.ModelPath}", cancellationToken).ConfigureAwait(false);
        _modelInWorker = true;
        return end;
    }

    /// <summary>Makes a call and hands on what the child says of it, until the line that ends it.</summary>
    private async Task<WorkerEvent> CallAsync(Func<int, WorkerRequest> request, Action<WorkerEvent> hear, string during, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_worker is { IsAlive: false })
        {
            await DropWorkerAsync().ConfigureAwait(false);
        }
        WorkerProcess worker = _worker ??= await WorkerProcess.StartAsync(_command, cancellationToken).ConfigureAwait(false);
        int id = ++_lastId;
        using CancellationTokenSource impatience = new();
        bool finished = false;
        try
        {
            await worker.SendAsync(request(id)).ConfigureAwait(false);
            using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(_ => Cancel(worker, id, impatience), null);
            WorkerEvent? end;
            while ((end = await worker.ReceiveAsync(impatience.Token).ConfigureAwait(false)) is { Ends: false })
            {
                hear(end);
            }
            finished = end is not null;
            return end switch
            {
                null => throw await worker.CrashAsync(during).ConfigureAwait(false),
                { Error: { } error } => throw error.ToException(),
                { Cancelled: true } => throw new OperationCanceledException(cancellationToken),
                _ => end,
            };
        }
        catch (OperationCanceledException) when (!finished)
        {
            // It did not react to the cancel message: native code that is busy for long. The child is given up.
            worker.Kill();
            throw new OperationCanceledException(cancellationToken);
        }
        catch (IOException)
        {
            throw await worker.CrashAsync(during).ConfigureAwait(false);
        }
        finally
        {
            if (!finished)
            {
                await DropWorkerAsync().ConfigureAwait(false);
            }
        }
    }

    private void Cancel(WorkerProcess worker, int id, CancellationTokenSource impatience)
    {
        impatience.CancelAfter(CancelPatience);
        // When the child is gone, the reader is told so.
        worker.SendAsync(new WorkerRequest(id, WorkerCall.Cancel)).ContinueWith(static sent => _ = sent.Exception, TaskScheduler.Default);
    }

    private async Task DropWorkerAsync()
    {
        _modelInWorker = false;
        WorkerProcess? worker = Interlocked.Exchange(ref _worker, null);
        if (worker is not null)
        {
            await worker.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<T> ExclusivelyAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        await _calling.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return await call().ConfigureAwait(false);
        }
        finally
        {
            _calling.Release();
        }
    }

    // PowerShell's idea of the current folder is not the process's, nor need the child's be.
    private static EngineOptions Rooted(EngineOptions options) => options with { ModelPath = Path.GetFullPath(options.ModelPath) };

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
