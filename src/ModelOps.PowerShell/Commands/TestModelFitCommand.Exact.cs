using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Test-ModelFit's question to the engine itself.</summary>
public sealed partial class TestModelFitCommand
{
    /// <summary>Ask the engine itself, in the worker process on a stub with the model's header alone: property Exact has its figures beside the formulas'.</summary>
    [Parameter]
    public SwitchParameter Exact { get; set; }

    /// <summary>The engine can only be asked about the machine that it is on.</summary>
    private void RequireThisMachine()
    {
        if (Exact && Machine is not null)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The engine can only be asked about the machine that it is on.", "Leave out -Machine, or -Exact.");
        }
    }

    /// <summary>The fit with the engine's answer; where it gives none the error is written, and the fit stands.</summary>
    private async Task<FitResult> AskEngineAsync(Subject subject, FitResult fit, CancellationToken cancellationToken)
    {
        var header = subject.ReadHeader();
        var answered = await SessionRunner.UseAsync(runner => ExactFitter.AskAsync(runner, header, fit, cancellationToken), cancellationToken);
        if (answered.Exact?.Failure?.Error is { } error)
        {
            await WriteErrorAsync(error, fit.Model);
        }
        return answered;
    }
}
