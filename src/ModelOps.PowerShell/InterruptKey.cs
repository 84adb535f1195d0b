namespace ModelOps.PowerShell;

/// <summary>Reads Ctrl+C as a key, for as long as it lives, where there is a keyboard: what the shell would end the pipeline for ends one answer.</summary>
internal sealed class InterruptKey : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(30);
    private readonly bool _before = Console.TreatControlCAsInput;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _listening;

    private InterruptKey(Action stop)
    {
        Console.TreatControlCAsInput = true;
        _listening = Task.Run(async () =>
        {
            while (!_end.IsCancellationRequested)
            {
                // Other keys are dropped: they were typed into an answer.
                while (Console.KeyAvailable)
                {
                    if (Console.ReadKey(intercept: true) is { Key: ConsoleKey.C, Modifiers: ConsoleModifiers.Control })
                    {
                        stop();
                    }
                }
                await Task.Delay(Pause).ConfigureAwait(false);
            }
        });
    }

    /// <summary>Listens; null where input is no keyboard.</summary>
    public static InterruptKey? Listen(Action stop) => Console.IsInputRedirected ? null : new InterruptKey(stop);

    public void Dispose()
    {
        _end.Cancel();
        _listening.Wait();
        Console.TreatControlCAsInput = _before;
        _end.Dispose();
    }
}
