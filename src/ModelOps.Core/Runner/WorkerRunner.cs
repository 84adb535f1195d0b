namespace ModelOps;

/// <summary>
/// Runs models in a child process, so that an abort in native code cannot end a shell. The child is started at the first call, restarted
/// after a crash, and ends with this object or with this process. Its command line ends in calling <see cref="WorkerHost.Run"/>.
/// </summary>
public sealed class WorkerRunner : IModelRunner
{
    /// <summary>
    /// A runner whose child is started by <paramref name="command"/>: file name, then arguments; <c>{pipe}</c> in an argument stands for the name of the pipe.
    /// </summary>
    public WorkerRunner(IReadOnlyList<string> command) => throw new NotImplementedException();

    /// <inheritdoc/>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineCrashed"/> with the child's last words when it dies.</exception>
    public Task LoadAsync(EngineOptions options, IProgress<float>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <inheritdoc/>
    public Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <inheritdoc/>
    public Task<QualityResult> MeasureAsync(MeasureRequest request, IProgress<MeasureProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
