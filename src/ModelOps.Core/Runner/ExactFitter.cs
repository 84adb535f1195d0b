using ModelOps.Engine;

namespace ModelOps;

/// <summary>
/// Asks the engine itself what a fit reckons: its <c>no_alloc</c> mode on a sparse file with the model's header and nothing else. The header is
/// written anew from what was read and checked here; native code sees that alone, best in a worker process (<see cref="WorkerRunner"/>).
/// </summary>
public static class ExactFitter
{
    /// <summary>
    /// The fit with <see cref="FitResult.Exact"/> filled in. An engine that cannot answer, or ends its process, is <see cref="ExactFit.Failure"/>:
    /// the fit itself stands.
    /// </summary>
    /// <param name="runner">Where the engine runs.</param>
    /// <param name="header">Header of the model that the fit is about.</param>
    /// <param name="fit">A fit for this machine.</param>
    /// <param name="cancellationToken">Stops it; the file is deleted all the same.</param>
    public static async Task<FitResult> AskAsync(IModelRunner runner, ModelHeader header, FitResult fit, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(header);
        ArgumentNullException.ThrowIfNull(fit);
        try
        {
            using HeaderStub stub = HeaderStub.Create(header);
            return fit with { Exact = ExactFit.Compare(fit.Needs, await AskAsync(runner, stub, fit, cancellationToken).ConfigureAwait(false)) };
        }
        catch (ModelOpsException exception)
        {
            return fit with { Exact = ExactFit.Failed(exception) };
        }
    }

    private static async Task<EngineMemory> AskAsync(IModelRunner runner, HeaderStub stub, FitResult fit, CancellationToken cancellationToken)
    {
        try
        {
            return await runner.ProbeMemoryAsync(new EngineOptions { ModelPath = stub.Path, Parameters = fit.Parameters }, cancellationToken).ConfigureAwait(false);
        }
        catch (ModelOpsException exception) when (exception.Message.Contains(stub.Path, StringComparison.Ordinal))
        {
            // Nobody knows the stub, and it is gone in a moment.
            throw new ModelOpsException(exception.Kind, exception.Message.Replace(stub.Path, fit.Model, StringComparison.Ordinal), exception.Hint, exception);
        }
    }
}
