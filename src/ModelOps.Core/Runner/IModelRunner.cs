namespace ModelOps;

/// <summary>
/// Where models run: in this process (<see cref="InProcessRunner"/>) or in a child (<see cref="WorkerRunner"/>). The model that was loaded last stays loaded.
/// Any number of answers may be asked for at once; loading waits for those under way, and answers asked for after it wait for the loading.
/// </summary>
public interface IModelRunner : IInference, IAsyncDisposable
{
    /// <summary>Loads a model, unless the very same options are loaded already. <paramref name="progress"/> goes from 0 to 1.</summary>
    Task LoadAsync(EngineOptions options, IProgress<float>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Loads a model with the placement that fits this machine, among those wished for, unless it is loaded for the same wish already; what was loaded before
    /// makes room first. The parameters of <paramref name="options"/> do not count.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.DoesNotFit"/> and what <see cref="EnginePlan.Create(string, FitRequest, Machine)"/> throws.</exception>
    Task<EnginePlan> LoadAsync(EngineOptions options, FitRequest wish, IProgress<float>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// What the engine says that a model takes; nothing is allocated but recurrent state, and the file may be a stub without weights. The loaded model
    /// is not touched. The header is checked before native code sees it.
    /// </summary>
    Task<EngineMemory> ProbeMemoryAsync(EngineOptions options, CancellationToken cancellationToken = default);

    /// <summary>Measures a model, as <see cref="QualityMeter"/> does; the loaded model is not touched.</summary>
    Task<QualityResult> MeasureAsync(MeasureRequest request, IProgress<MeasureProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Measures what rounding each tensor costs, as <see cref="SensitivityMeter"/> does; the loaded model is not touched.</summary>
    Task<SensitivityTable> MeasureSensitivityAsync(SensitivityRequest request, IProgress<SensitivityProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>The GPUs that the engine shows, in its order (see <see cref="LocalMachine.With"/>): asking loads drivers, which is better done where models run.</summary>
    Task<IReadOnlyList<Device>> ReadDevicesAsync(CancellationToken cancellationToken = default);

    /// <summary>Starts the libraries of the chosen runtime (<see cref="ModelRuntimes"/>) and tells what they compute on, and why on no GPU where one was meant.</summary>
    Task<RuntimeProbe> ProbeRuntimeAsync(CancellationToken cancellationToken = default);

    /// <summary>Measures a model's speed, as <see cref="SpeedMeter"/> does; the loaded model is not touched.</summary>
    Task<SpeedResult> MeasureSpeedAsync(SpeedRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Calibrates this machine, as <see cref="SpeedCalibrator"/> does; the loaded model is not touched.</summary>
    Task<SpeedCalibration> CalibrateAsync(CalibrationRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default);
}
