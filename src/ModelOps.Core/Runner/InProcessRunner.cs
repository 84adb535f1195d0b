using ModelOps.Engine;
using ModelOps.Runner;

namespace ModelOps;

/// <summary>Runs models in this process; an abort in native code ends it.</summary>
public sealed class InProcessRunner : IModelRunner
{
    private readonly CallGate _gate = new();
    private LlamaEngine? _engine;
    private EnginePlan? _plan;
    private string? _loaded;

    /// <summary>The machine that is planned for.</summary>
    internal Func<Machine> ReadMachine { get; init; } = () => LocalMachine.Read();

    /// <inheritdoc/>
    public Task LoadAsync(EngineOptions options, IProgress<float>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return LoadAsync(options, null, () => new EnginePlan(options.Parameters, null), progress, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<EnginePlan> LoadAsync(EngineOptions options, FitRequest wish, IProgress<float>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(wish);
        return LoadAsync(options, wish, () => EnginePlan.Create(options.ModelPath, wish, ReadMachine()), progress, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default)
        => AskAsync(engine => engine.GenerateAsync(request, progress, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<EmbeddingResult> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken = default)
        => AskAsync(engine => engine.EmbedAsync(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<RerankResult> RerankAsync(RerankRequest request, CancellationToken cancellationToken = default)
        => AskAsync(engine => engine.RerankAsync(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<QualityResult> MeasureAsync(MeasureRequest request, IProgress<MeasureProgress>? progress = null, CancellationToken cancellationToken = default)
        => QualityMeter.MeasureAsync(request, progress, cancellationToken);

    /// <inheritdoc/>
    public Task<SensitivityTable> MeasureSensitivityAsync(SensitivityRequest request, IProgress<SensitivityProgress>? progress = null, CancellationToken cancellationToken = default)
        => SensitivityMeter.MeasureAsync(request, progress, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<Device>> ReadDevicesAsync(CancellationToken cancellationToken = default) => Task.Run(() => EngineDevices.Read(null), cancellationToken);

    /// <inheritdoc/>
    public Task<RuntimeProbe> ProbeRuntimeAsync(CancellationToken cancellationToken = default) => Task.Run(() => new RuntimeProbe(EngineDevices.Read(null), LlamaLibrary.Warning), cancellationToken);

    /// <inheritdoc/>
    public Task<SpeedResult> MeasureSpeedAsync(SpeedRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default)
        => SpeedMeter.MeasureAsync(request, progress, cancellationToken);

    /// <inheritdoc/>
    public Task<SpeedCalibration> CalibrateAsync(CalibrationRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default)
        => SpeedCalibrator.CalibrateAsync(request, progress, cancellationToken);

    /// <inheritdoc/>
    public Task<EngineMemory> ProbeMemoryAsync(EngineOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Task.Run(() =>
        {
            using MemoryProbe probe = new(options);
            cancellationToken.ThrowIfCancellationRequested();
            return probe.Context(options.Parameters);
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Unload();
        return ValueTask.CompletedTask;
    }

    private async Task<EnginePlan> LoadAsync(EngineOptions options, FitRequest? wish, Func<EnginePlan> plan, IProgress<float>? progress, CancellationToken cancellationToken)
    {
        string wanted = LoadedModel.Describe(options, wish);
        using (await _gate.EnterAsync(alone: false, cancellationToken).ConfigureAwait(false))
        {
            if (Present(wanted, progress) is { } present)
            {
                return present;
            }
        }
        using CallGate.Pass alone = await _gate.EnterAsync(alone: true, cancellationToken).ConfigureAwait(false);
        // Somebody who wanted the same may have come first.
        if (Present(wanted, progress) is { } loaded)
        {
            return loaded;
        }
        // First the room, then the plan: what is loaded now is in the way of nothing.
        Unload();
        EnginePlan planned = await Task.Run(plan, cancellationToken).ConfigureAwait(false);
        _engine = await LlamaEngine.LoadAsync(options with { Parameters = planned.Parameters }, progress, cancellationToken).ConfigureAwait(false);
        if (LlamaLibrary.Warning is { } warning)
        {
            planned = planned with { Warning = planned.Warning is null ? warning : $"{warning} {planned.Warning}" };
        }
        (_plan, _loaded) = (planned, wanted);
        return planned;
    }

    /// <summary>The plan of what is loaded, if that is what is wanted.</summary>
    private EnginePlan? Present(string wanted, IProgress<float>? progress)
    {
        if (_loaded != wanted)
        {
            return null;
        }
        progress?.Report(1);
        return _plan;
    }

    private async Task<T> AskAsync<T>(Func<LlamaEngine, Task<T>> ask, CancellationToken cancellationToken)
    {
        using CallGate.Pass pass = await _gate.EnterAsync(alone: false, cancellationToken).ConfigureAwait(false);
        return await ask(_engine ?? throw new ModelOpsException(ErrorKind.InvalidArgument, "No model is loaded.")).ConfigureAwait(false);
    }

    private void Unload()
    {
        _loaded = null;
        _plan = null;
        _engine?.Dispose();
        _engine = null;
    }
}
