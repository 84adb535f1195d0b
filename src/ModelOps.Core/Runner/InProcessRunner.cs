using System.Text.Json;
using ModelOps.Runner;

namespace ModelOps;

/// <summary>Runs models in this process; an abort in native code ends it.</summary>
public sealed class InProcessRunner : IModelRunner
{
    private LlamaEngine? _engine;
    private (string Options, long Bytes, DateTime Written)? _loaded;

    /// <inheritdoc/>
    public async Task LoadAsync(EngineOptions options, IProgress<float>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        // A path can hold another file than a minute ago: a conversion was run again.
        FileInfo file = new(options.ModelPath);
        // Records with lists in them are equal only to themselves; as text they are equal when they say the same.
        (string, long, DateTime) wanted = (JsonSerializer.Serialize(options, WorkerJson.Default.EngineOptions), file.Exists ? file.Length : 0, file.Exists ? file.LastWriteTimeUtc : default);
        if (_engine is not null && _loaded == wanted)
        {
            progress?.Report(1);
            return;
        }
        Unload();
        _engine = await LlamaEngine.LoadAsync(options, progress, cancellationToken).ConfigureAwait(false);
        _loaded = wanted;
    }

    /// <inheritdoc/>
    public Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default)
        => _engine is { } engine
            ? engine.GenerateAsync(request, progress, cancellationToken)
            : Task.FromException<GenerationResult>(new ModelOpsException(ErrorKind.InvalidArgument, "No model is loaded."));

    /// <inheritdoc/>
    public Task<QualityResult> MeasureAsync(MeasureRequest request, IProgress<MeasureProgress>? progress = null, CancellationToken cancellationToken = default)
        => QualityMeter.MeasureAsync(request, progress, cancellationToken);

    /// <inheritdoc/>
    public Task<SensitivityTable> MeasureSensitivityAsync(SensitivityRequest request, IProgress<SensitivityProgress>? progress = null, CancellationToken cancellationToken = default)
        => SensitivityMeter.MeasureAsync(request, progress, cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Unload();
        return ValueTask.CompletedTask;
    }

    private void Unload()
    {
        _loaded = null;
        _engine?.Dispose();
        _engine = null;
    }
}
