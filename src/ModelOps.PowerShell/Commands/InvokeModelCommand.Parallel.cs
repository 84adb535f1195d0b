using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <content>Several prompts at once, and what becomes of the model afterwards.</content>
public sealed partial class InvokeModelCommand
{
    private const int MostAtOnce = 256;

    private PipelineWork<Question, (GenerationResult Result, string? Warning)>? _work;
    private PipelineProgress<int>? _answering;
    private (string Path, FitRequest Wish)? _parallelWish;
    private string? _warned;
    private int _answered;

    /// <summary>Prompts that are answered at once, in one batch; each has the whole context length.</summary>
    [Parameter]
    [ValidateRange(1, MostAtOnce)]
    public int Parallel { get; set; } = 1;

    /// <summary>With -Parallel: write every answer as it is done, not in the order of the prompts.</summary>
    [Parameter]
    public SwitchParameter Unordered { get; set; }

    /// <summary>How long the worker keeps the model when nothing is asked: 30m, 2h; 0 for not at all, Forever for as long as the session.</summary>
    [Parameter]
    [DurationTransformation(TakesForever = true)]
    public TimeSpan KeepAlive { get; set; } = SharedRunner.DefaultKeepAlive;

    private protected override async Task EndAsync(CancellationToken cancellationToken)
    {
        if (_work is not null)
        {
            await _work.CompleteAsync(WriteOutcomeAsync);
            _answering!.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _work?.Dispose();
        }
        base.Dispose(disposing);
    }

    private void BeginParallel()
    {
        if (Stream)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "-Stream and -Parallel exclude each other: the pieces of several answers would be mixed.", "Leave one of them out; -Unordered writes each answer as soon as it is done.");
        }
        _work = new PipelineWork<Question, (GenerationResult Result, string? Warning)>(AnswerAsync, Parallel, ordered: !Unordered, StopToken);
        _answering = StartProgress<int>("Answering prompts", answered => new ProgressStep($"{answered} answered", null));
    }

    /// <summary>Sequences for as many prompts as are answered at once; a fit that was made for as many says all of it.</summary>
    private FitRequest WishFor(string path)
    {
        if (Parallel == 1 || Parameters?.Sequences == Parallel)
        {
            return Wish;
        }
        if (_parallelWish?.Path != path)
        {
            _parallelWish = (path, ParallelPlacement.Of(Wish, path, Parallel));
        }
        return _parallelWish.Value.Wish;
    }

    private async Task WriteOutcomeAsync(WorkOutcome<Question, (GenerationResult Result, string? Warning)> outcome)
    {
        _answering!.Report(++_answered);
        if (outcome.Result.Warning is { } warning && warning != _warned)
        {
            // Once for all that the model answers.
            PostWarning(_warned = warning);
        }
        await ForEachAsync([outcome.Item.Prompt], _ => outcome.Error is null ? WriteAnswerAsync(outcome.Result.Result) : Task.FromException(outcome.Error));
    }
}
