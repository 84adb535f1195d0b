namespace ModelOps.Runner;

/// <summary>
/// Turns at one thing, in the order of asking: who asks with the same key as those at it joins them, unless somebody else waits already; everybody else waits
/// until they have left. No key means alone.
/// </summary>
internal sealed class SharedTurns
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiting> _waiting = [];
    private string? _key;
    private int _users;

    /// <summary>How many are at it.</summary>
    public int Users
    {
        get
        {
            lock (_lock)
            {
                return _users;
            }
        }
    }

    /// <summary>Waits for a turn; <see cref="Leave"/> ends it.</summary>
    /// <returns>Whether nobody was at it.</returns>
    public async Task<bool> EnterAsync(string? key, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Waiting waiting = new(key);
        lock (_lock)
        {
            if (_waiting.Count == 0 && MayJoin(key))
            {
                return Join(key);
            }
            _waiting.AddLast(waiting);
        }
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(_ => GiveUp(waiting, cancellationToken), null);
        return await waiting.Turn.Task.ConfigureAwait(false);
    }

    /// <summary>Takes a turn alone if nobody is at it or waits.</summary>
    public bool TryEnterAlone()
    {
        lock (_lock)
        {
            return _users == 0 && _waiting.Count == 0 && Join(null);
        }
    }

    /// <summary>Ends a turn.</summary>
    /// <returns>Whether nobody is at it now.</returns>
    public bool Leave()
    {
        lock (_lock)
        {
            _users--;
            Admit();
            return _users == 0;
        }
    }

    private bool MayJoin(string? key) => _users == 0 || (key is not null && key == _key);

    private bool Join(string? key)
    {
        _key = key;
        return ++_users == 1;
    }

    private void Admit()
    {
        while (_waiting.First is { Value: { } next } && MayJoin(next.Key))
        {
            _waiting.RemoveFirst();
            next.Turn.SetResult(Join(next.Key));
        }
    }

    private void GiveUp(Waiting waiting, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!_waiting.Remove(waiting))
            {
                return; // its turn has come
            }
            waiting.Turn.SetCanceled(cancellationToken);
            // Those behind it may be of the same mind as those at it.
            Admit();
        }
    }

    private sealed record Waiting(string? Key)
    {
        public TaskCompletionSource<bool> Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        // One is not another, whatever they ask for.
        public bool Equals(Waiting? other) => ReferenceEquals(this, other);

        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
    }
}
