using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>When the work for a request ends at the latest: the client goes away, its time is up, or the server ends.</summary>
internal sealed class Deadline : IDisposable
{
    private readonly CancellationTokenSource _time;
    private readonly CancellationTokenSource _any;
    private readonly CancellationToken _aborted;

    public Deadline(HttpContext context, InferenceOptions options, CancellationToken ending)
    {
        _aborted = context.RequestAborted;
        _time = new CancellationTokenSource(options.Timeout, options.Time);
        _any = CancellationTokenSource.CreateLinkedTokenSource(_aborted, _time.Token, ending);
    }

    /// <summary>Cancelled when it is over.</summary>
    public CancellationToken Token => _any.Token;

    /// <summary>Ends the work now.</summary>
    public void End() => _any.Cancel();

    /// <summary>What is to be told when <see cref="Token"/> was cancelled; null when nobody is there to be told.</summary>
    public ApiError? Reason => _aborted.IsCancellationRequested ? null : _time.IsCancellationRequested ? ApiError.TimedOut : ApiError.Ending;

    public void Dispose()
    {
        _any.Dispose();
        _time.Dispose();
    }
}
