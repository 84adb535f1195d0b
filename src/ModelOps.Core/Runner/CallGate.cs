namespace ModelOps.Runner;

/// <summary>
/// Who may use what is loaded: many answers at once, or one call alone that loads, measures or ends it. All come in in the order of their coming: who wants it
/// alone waits for the answers under way, and answers asked for after that wait in turn.
/// </summary>
internal sealed class CallGate
{
    private readonly Lock _lock = new();
    private readonly Queue<(TaskCompletionSource Turn, bool Alone)> _waiting = [];
    private int _inside;
    private bool _alone;

    /// <summary>Waits for a turn, which ends when the pass is disposed of.</summary>
    public async Task<Pass> EnterAsync(bool alone, CancellationToken cancellationToken)
    {
        TaskCompletionSource turn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _waiting.Enqueue((turn, alone));
            Admit();
        }
        using (cancellationToken.UnsafeRegister(_ => GiveUp(turn, cancellationToken), null))
        {
            await turn.Task.ConfigureAwait(false);
        }
        return new Pass(this);
    }

    private void GiveUp(TaskCompletionSource turn, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            turn.TrySetCanceled(cancellationToken);
            Admit();
        }
    }

    private void Leave()
    {
        lock (_lock)
        {
            _inside--;
            _alone = false;
            Admit();
        }
    }

    /// <summary>Under the lock.</summary>
    private void Admit()
    {
        while (_waiting.TryPeek(out var next) && (next.Turn.Task.IsCanceled || (!_alone && (_inside == 0 || !next.Alone))))
        {
            _waiting.Dequeue();
            if (next.Turn.TrySetResult())
            {
                _inside++;
                _alone = next.Alone;
            }
        }
    }

    /// <summary>A turn; ends it when disposed of.</summary>
    public readonly struct Pass(CallGate gate) : IDisposable
    {
        public void Dispose() => gate.Leave();
    }
}
