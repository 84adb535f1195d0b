using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>What a progress bar shows.</summary>
/// <param name="Status">Words beside the bar.</param>
/// <param name="Fraction">0 … 1, or null when the end is not known.</param>
/// <param name="Remaining">Time left, when known.</param>
internal readonly record struct ProgressStep(string Status, double? Fraction, TimeSpan? Remaining = null);

/// <summary>Turns the core's reports, from any thread, into progress records. Only the newest report waits: a bar needs no history.</summary>
internal sealed class PipelineProgress<T>(string activity, Func<T, ProgressStep> describe, Action<ProgressRecord> post) : IProgress<T>, IDisposable
{
    private static int _lastId = 1_000_000;

    // An id of its own for every bar, so that the bars of a pipeline's cmdlets stand under each other.
    private readonly int _id = Interlocked.Increment(ref _lastId);
    private readonly Lock _lock = new();
    private long _nextReport;
    private bool _ended;

    public void Report(T value)
    {
        lock (_lock)
        {
            var now = Environment.TickCount64;
            if (_ended || now < _nextReport)
            {
                return;
            }
            // The console redraws five times a second; more records only cost time.
            _nextReport = now + 200;
            post(ToRecord(describe(value)));
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            var shown = _nextReport != 0 && !_ended;
            _ended = true;
            if (shown)
            {
                post(new ProgressRecord(_id, activity, "Done") { RecordType = ProgressRecordType.Completed });
            }
        }
    }

    private ProgressRecord ToRecord(ProgressStep step) => new(_id, activity, step.Status.Length == 0 ? " " : step.Status)
    {
        PercentComplete = step.Fraction is { } f && double.IsFinite(f) ? Math.Clamp((int)(f * 100), 0, 100) : -1,
        SecondsRemaining = step.Remaining is { } left ? (int)Math.Min(left.TotalSeconds, int.MaxValue) : -1,
    };
}
