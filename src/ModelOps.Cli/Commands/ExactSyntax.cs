using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary><c>--exact</c>: the engine's own answer beside the fit's.</summary>
internal sealed class ExactSyntax
{
    private const string Name = "--exact";

    public Option<bool> Option { get; } = new(Name) { Description = "Ask the engine itself, in a worker process on a stub with the model's header alone, and show its figures beside the formulas'." };

    /// <summary>Whether the engine is to be asked, which it can only be about the machine that it is on.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public bool Read(ParseResult parsed, IReadOnlyList<MachineEntry>? machines)
    {
        var exact = parsed.GetValue(Option);
        return !exact || machines is null ? exact
            : throw new ModelOpsException(ErrorKind.InvalidArgument, "The engine can only be asked about the machine that it is on.", $"Leave out the machine, or {Name}.");
    }

    /// <summary>The fit with the engine's answer.</summary>
    public static async Task<FitResult> AskAsync(FitSubject subject, FitResult fit, CancellationToken cancellationToken)
    {
        var header = subject.ReadHeader();
        await using var runner = new WorkerRunner(WorkerCommand.CommandLine());
        return await ExactFitter.AskAsync(runner, header, fit, cancellationToken);
    }
}
