namespace ModelOps.Hub;

/// <summary>
/// How often one piece of work is tried again, and after what wait: 5 attempts, 1 to 8 s apart (as huggingface_hub does), and besides that up to
/// three waits that the hub itself asked for.
/// </summary>
internal sealed class RetryBudget(TimeProvider time)
{
    private const int MaxAttempts = 5;
    private const int MaxAskedWaits = 3;
    /// <summary>The hub counts in windows of five minutes: who is told to wait longer than that had better be told so.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(8);

    private int _attempts;
    private int _askedWaits;

    /// <summary>Progress was made: failures before it no longer count.</summary>
    public void Reset() => _attempts = _askedWaits = 0;

    /// <summary>Waits until the next attempt is due, after telling so.</summary>
    /// <exception cref="ModelOpsException">The failure's own error, when trying again makes no sense (any more).</exception>
    public async Task WaitAsync(HubFailure failure, Action<HubNotice>? notify, CancellationToken cancellationToken)
    {
        TimeSpan wait;
        if (failure.Wait is { } asked)
        {
            if (asked > LongestWait || ++_askedWaits > MaxAskedWaits)
                throw failure.Error;
            wait = asked;
            notify?.Invoke(new HubNotice(HubNoticeKind.RateLimit, $"{failure.Error.Message} Waiting {Math.Ceiling(wait.TotalSeconds):0} s.", wait));
        }
        else
        {
            if (!failure.IsTransient || ++_attempts >= MaxAttempts)
                throw failure.Error;
            wait = TimeSpan.FromSeconds(1 << (_attempts - 1));
            wait = wait < LongestBackoff ? wait : LongestBackoff;
            notify?.Invoke(new HubNotice(HubNoticeKind.Retry, $"{failure.Error.Message} Trying again in {wait.TotalSeconds:0} s ({_attempts} of {MaxAttempts - 1}).", wait));
        }
        await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs a piece of work with a budget of its own.</summary>
    public static async Task<T> RunAsync<T>(HubOptions options, Func<Task<T>> work, CancellationToken cancellationToken)
    {
        var budget = new RetryBudget(options.Time);
        while (true)
        {
            HubFailure failure;
            try
            {
                return await work().ConfigureAwait(false);
            }
            catch (HubFailure e)
            {
                failure = e;
            }
            await budget.WaitAsync(failure, options.Notify, cancellationToken).ConfigureAwait(false);
        }
    }
}
