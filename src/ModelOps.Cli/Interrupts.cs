namespace ModelOps.Cli;

/// <summary>Who gets Ctrl+C: the whole command, unless something in it has taken it for itself, such as an answer that can be stopped alone.</summary>
internal sealed class Interrupts
{
    private Action? _taken;

    /// <summary>Takes Ctrl+C until the result is disposed.</summary>
    public IDisposable Take(Action action)
    {
        Volatile.Write(ref _taken, action);
        return new Release(this);
    }

    /// <summary>Hands a Ctrl+C to who has taken it; false when nobody has.</summary>
    public bool TryHandle()
    {
        var action = Volatile.Read(ref _taken);
        action?.Invoke();
        return action is not null;
    }

    private sealed class Release(Interrupts owner) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref owner._taken, null);
    }
}
