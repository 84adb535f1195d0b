using System.Collections.Concurrent;
using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>
/// Base of every cmdlet: runs the core's asynchronous work off the pipeline thread and brings what it writes back onto it, through a blocking
/// queue that <see cref="Run"/> empties. Ctrl+C becomes the cancellation of the work; a cmdlet never ends before its work has.
/// </summary>
public abstract class ModelOpsCmdlet : PSCmdlet, IDisposable
{
    private static readonly TimeSpan LongSilence = TimeSpan.FromSeconds(4);

    private readonly CancellationTokenSource _stop = new();
    private BlockingCollection<PipelineCall>? _calls;

    /// <summary>Ctrl+C, and whatever else stops the pipeline: for work that outlasts one input.</summary>
    private protected CancellationToken StopToken => _stop.Token;

    /// <summary>Work before the first input; its errors end the pipeline.</summary>
    private protected virtual Task BeginAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Work for one input object; its errors do not end the pipeline.</summary>
    private protected virtual Task ProcessAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Work after the last input; its errors end the pipeline.</summary>
    private protected virtual Task EndAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Whether an error is about the item in hand, so that the pipeline goes on.</summary>
    private protected virtual bool IsItemError(Exception error) => ErrorRecords.IsItemError(error);

    /// <inheritdoc/>
    protected sealed override void BeginProcessing() => Run(BeginAsync, terminating: true);

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() => Run(ProcessAsync, terminating: false);

    /// <inheritdoc/>
    protected sealed override void EndProcessing() => Run(EndAsync, terminating: true);

    /// <summary>Called by the shell on a thread of its own while <see cref="Run"/> blocks the pipeline thread.</summary>
    protected sealed override void StopProcessing() => _stop.Cancel();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the cmdlet holds, at the end of the pipeline.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stop.Dispose();
        }
    }

    /// <summary>Writes an object and waits until everything down the pipeline has taken it, so that a slow consumer slows the work.</summary>
    private protected Task WriteObjectAsync(object value) => CallAsync(() => { WriteObject(value); return true; }, isOutput: true);

    /// <summary>Writes a non-terminating error about <paramref name="target"/>.</summary>
    private protected Task WriteErrorAsync(Exception error, object? target)
        => CallAsync(() => { WriteError(ErrorRecords.From(error, target)); return true; }, isOutput: true);

    /// <summary>Asks whether to go on with a plan, which <c>-WhatIf</c> prints in full.</summary>
    private protected Task<bool> ShouldProcessAsync(string plan, string question)
        => CallAsync(() => ShouldProcess(plan, question, MyInvocation.MyCommand.Name), isOutput: true);

    /// <summary>Runs a function that needs the session (paths, variables) on the pipeline thread; what it throws is thrown here.</summary>
    private protected Task<T> OnPipelineAsync<T>(Func<T> function) => CallAsync(function, isOutput: false);

    /// <summary>Posts output without waiting, in order: for answers that stream in faster than they are consumed.</summary>
    private protected void PostObject(object value) => Post(new PipelineCall(() => WriteObject(value)));

    /// <summary>Posts something to show on the host's screen, without waiting.</summary>
    private protected void PostToHost(Action show) => Post(new PipelineCall(show));

    /// <summary>Posts a verbose message.</summary>
    private protected void PostVerbose(string message) => Post(new PipelineCall(() => WriteVerbose(message)));

    /// <summary>Posts a warning.</summary>
    private protected void PostWarning(string message) => Post(new PipelineCall(() => WriteWarning(message)));

    /// <summary>Posts what a hub has to say. A retry after a moment is for those who ask; nobody should sit in front of a prompt that is silent for longer.</summary>
    private protected void PostNotice(HubNotice notice)
    {
        if (notice.Kind == HubNoticeKind.Retry && notice.Wait < LongSilence)
        {
            PostVerbose(notice.Message);
            return;
        }
        PostWarning(notice.Message);
    }

    /// <summary>A progress bar for reports of type <typeparamref name="T"/>; disposing it takes it away.</summary>
    private protected PipelineProgress<T> StartProgress<T>(string activity, Func<T, ProgressStep> describe)
        => new(activity, describe, record => Post(new PipelineCall(() => WriteProgress(record))));

    /// <summary>Does the work for every item; an error of one item is written and the next is taken.</summary>
    private protected async Task ForEachAsync<T>(IEnumerable<T> items, Func<T, Task> work) where T : notnull
    {
        foreach (var item in items)
        {
            try
            {
                await work(item);
            }
            catch (Exception e) when (IsItemError(e))
            {
                await WriteErrorAsync(e, item);
            }
        }
    }

    /// <summary>Does the work for every model on disk: literal paths, else patterns and names, which <paramref name="resolve"/> finds.</summary>
    private protected Task ForEachModelAsync(string[] patterns, string[] literalPaths, Func<string, string> resolve, Func<string, Task> work)
        => literalPaths.Length > 0
            ? ForEachAsync(literalPaths, async path => await work(await OnPipelineAsync(() => this.ToFileSystemPath(path))))
            : ForEachAsync(patterns, async pattern =>
            {
                var paths = await OnPipelineAsync(() => WildcardPattern.ContainsWildcardCharacters(pattern) ? this.ExpandPath(pattern) : [resolve(this.PathOrName(pattern))]);
                await ForEachAsync(paths, work);
            });

    private async Task<T> CallAsync<T>(Func<T> function, bool isOutput)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(new PipelineCall(
            () =>
            {
                try
                {
                    done.TrySetResult(function());
                }
                catch (Exception e)
                {
                    done.TrySetException(e);
                    // What output throws (a stopped pipeline, Select-Object -First, an error further down) belongs to the shell.
                    if (isOutput || e is PipelineStoppedException)
                    {
                        throw;
                    }
                }
            },
            () => done.TrySetCanceled()));
        return await done.Task;
    }

    private void Post(PipelineCall call)
    {
        var calls = _calls ?? throw new InvalidOperationException("Output is only possible while the cmdlet runs.");
        try
        {
            calls.Add(call);
        }
        catch (InvalidOperationException) when (calls.IsAddingCompleted)
        {
            // A progress report of a thread that lags behind the work that has ended: nobody waits for it.
            call.Abandon?.Invoke();
        }
    }

    private void Run(Func<CancellationToken, Task> work, bool terminating)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        // Not disposed: a late progress report may still look at it.
        var calls = new BlockingCollection<PipelineCall>();
        _calls = calls;
        var token = cancel.Token;
        var running = Task.Run(async () =>
        {
            try
            {
                await work(token);
            }
            finally
            {
                calls.CompleteAdding();
            }
        });
        try
        {
            foreach (var call in calls.GetConsumingEnumerable())
            {
                call.Run();
            }
        }
        catch
        {
            cancel.Cancel();
            foreach (var call in calls.GetConsumingEnumerable())
            {
                call.Abandon?.Invoke();
            }
            // Wait for the work to unwind; what it says now only follows from what is thrown here.
            Task.WaitAny(running);
            throw;
        }
        try
        {
            running.GetAwaiter().GetResult();
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception e) when (ErrorRecords.IsItemError(e))
        {
            var record = ErrorRecords.From(e, null);
            if (terminating || !IsItemError(e))
            {
                ThrowTerminatingError(record);
            }
            WriteError(record);
        }
    }

    /// <summary>Something to do on the pipeline thread, and what to do when the pipeline has gone.</summary>
    private sealed record PipelineCall(Action Run, Action? Abandon = null);
}
