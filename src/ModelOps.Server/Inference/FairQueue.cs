namespace ModelOps.Server.Inference;

/// <summary>
/// Turns at something that serves <paramref name="slots"/> at once. Of the clients that wait, those with the fewest turns go first, and among them the one whose last turn
/// is longest ago, so that one with a thousand requests gets no more than another with one at a time. At most <paramref name="capacity"/> wait; when they are too many, it is the newest request
/// of the client with most that is refused.
/// </summary>
internal sealed class FairQueue(int slots, int capacity, TimeProvider time)
{
    private const int MostRemembered = 1024;
    private static readonly TimeSpan MostPatience = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Client> _clients = new(StringComparer.Ordinal);
    private readonly LinkedList<Client> _waitingClients = [];
    private long _turns;
    private int _running;
    private int _waiting;
    private int _pauses;
    private Exception? _closed;
    private TaskCompletionSource? _empty;
    private double _turnSeconds = 1;

    /// <summary>Turns that are taken.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Requests that wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Whether no turns are given for now.</summary>
    public bool IsPaused => Volatile.Read(ref _pauses) > 0;

    /// <summary>Waits for a turn, which ends when it is disposed.</summary>
    /// <exception cref="ApiException">Too many wait, or the queue is closed.</exception>
    public Task<Turn> EnterAsync(string name, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Waiter waiter;
        lock (_lock)
        {
            if (_closed is not null)
                throw _closed;
            if (!_clients.TryGetValue(name, out Client? client))
                _clients.Add(name, client = new Client(name));
            if (_pauses == 0 && _running < slots && _waiting == 0)
                return Task.FromResult(Take(client));
            if (_waiting >= capacity)
                MakeRoom(client);
            waiter = new Waiter(client, cancellationToken);
            waiter.Place = client.Waiters.AddLast(waiter);
            client.Place ??= _waitingClients.AddLast(client);
            _waiting++;
        }
        // Outside the lock: a token that is cancelled by now calls at once.
        waiter.Registration = cancellationToken.UnsafeRegister(static (state, _) => ((Action)state!)(), (Action)(() => Abandon(waiter)));
        return waiter.Turn.Task;
    }

    /// <summary>Gives no more turns until <see cref="Resume"/>; done when all that were given have ended.</summary>
    public Task PauseAsync()
    {
        lock (_lock)
        {
            _pauses++;
            return WhenEmpty();
        }
    }

    /// <summary>Pauses if no turn is given and nobody waits.</summary>
    public bool TryPause()
    {
        lock (_lock)
        {
            if (_running > 0 || _waiting > 0)
                return false;
            _pauses++;
            return true;
        }
    }

    /// <summary>Ends a pause.</summary>
    public void Resume()
    {
        lock (_lock)
        {
            _pauses--;
            Grant();
        }
    }

    /// <summary>Refuses all who wait and all who come; done when the turns that were given have ended.</summary>
    public Task CloseAsync(Exception reason)
    {
        lock (_lock)
        {
            _closed ??= reason;
            foreach (Waiter waiter in _waitingClients.SelectMany(client => client.Waiters).ToList())
                Refuse(waiter, reason);
            return WhenEmpty();
        }
    }

    private Task WhenEmpty()
    {
        if (_running == 0)
            return Task.CompletedTask;
        _empty ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return _empty.Task;
    }

    private void MakeRoom(Client newcomer)
    {
        Client? greediest = _waitingClients.MaxBy(client => client.Waiters.Count);
        if (greediest is null || greediest.Waiters.Count <= newcomer.Waiters.Count + 1)
            throw new ApiException(ApiError.QueueFull(Patience()));
        Refuse(greediest.Waiters.Last!.Value, new ApiException(ApiError.QueueFull(Patience())));
    }

    private TimeSpan Patience() => TimeSpan.FromSeconds(Math.Clamp(_turnSeconds * (_waiting + 1) / slots, 1, MostPatience.TotalSeconds));

    private void Refuse(Waiter waiter, Exception reason)
    {
        Remove(waiter);
        waiter.Registration.Unregister();
        waiter.Turn.TrySetException(reason);
    }

    private void Abandon(Waiter waiter)
    {
        lock (_lock)
        {
            if (waiter.Place.List is null)
                return;
            Remove(waiter);
        }
        waiter.Turn.TrySetCanceled(waiter.CancellationToken);
    }

    private void Remove(Waiter waiter)
    {
        waiter.Client.Waiters.Remove(waiter.Place);
        _waiting--;
        if (waiter.Client.Waiters.Count == 0)
        {
            _waitingClients.Remove(waiter.Client.Place!);
            waiter.Client.Place = null;
            Tidy();
        }
    }

    private void Grant()
    {
        while (_pauses == 0 && _running < slots && _waitingClients.MinBy(client => (client.Running, client.LastTurn)) is { } client)
        {
            Waiter waiter = client.Waiters.First!.Value;
            Turn turn = Take(client);
            Remove(waiter);
            waiter.Registration.Unregister();
            waiter.Turn.TrySetResult(turn);
        }
    }

    private Turn Take(Client client)
    {
        client.Running++;
        client.LastTurn = ++_turns;
        _running++;
        return new Turn(this, client, time.GetTimestamp());
    }

    private void End(Client client, long started)
    {
        lock (_lock)
        {
            const double Weight = 0.2;
            _turnSeconds += Weight * (time.GetElapsedTime(started).TotalSeconds - _turnSeconds);
            client.Running--;
            _running--;
            Tidy();
            Grant();
            if (_running == 0)
            {
                _empty?.TrySetResult();
                _empty = null;
            }
        }
    }

    /// <summary>Who has just gone is remembered for its last turn, unless too many are.</summary>
    private void Tidy()
    {
        if (_clients.Count <= MostRemembered)
            return;
        foreach (Client client in _clients.Values.Where(client => client.Running == 0 && client.Waiters.Count == 0).ToList())
            _clients.Remove(client.Name);
    }

    /// <summary>A turn; it ends when it is disposed, once.</summary>
    internal sealed class Turn(FairQueue queue, Client client, long started) : IDisposable
    {
        private int _ended;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
                queue.End(client, started);
        }
    }

    internal sealed class Client(string name)
    {
        public string Name => name;
        public LinkedList<Waiter> Waiters { get; } = [];
        public LinkedListNode<Client>? Place { get; set; }
        public int Running { get; set; }
        public long LastTurn { get; set; }
    }

    internal sealed class Waiter(Client client, CancellationToken cancellationToken)
    {
        public Client Client => client;
        public CancellationToken CancellationToken => cancellationToken;
        public TaskCompletionSource<Turn> Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public LinkedListNode<Waiter> Place { get; set; } = null!;
        public CancellationTokenRegistration Registration { get; set; }
    }
}
