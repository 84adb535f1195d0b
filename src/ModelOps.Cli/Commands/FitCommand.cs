using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops fit</c></summary>
internal static class FitCommand
{
    public static Command Create(CliHost host)
    {
        var model = new Argument<string>("MODEL") { Description = "A GGUF file, a checkpoint folder, an installed model, or org/repo[:variant] of the hub, of which only headers are read." };
        var type = new Option<string>("--type") { Description = "For a checkpoint: the type it would be converted to.", HelpName = "TYPE", DefaultValueFactory = _ => "BF16" };
        var explain = new Option<bool>("--explain") { Description = "Say of every part of the memory how it was computed, and how far it may be off." };
        var exact = new ExactSyntax();
        var request = new FitSyntax();
        var companions = new CompanionSyntax();
        var machine = new MachineSyntax($"Ask for another machine: {MachineSyntax.Kinds}. Several, by a quoted pattern or by repeating the option, give a table.");
        var command = new Command("fit", "Say whether a model fits this machine, before it is downloaded. Exits with 5 when it does not.") { model };
        foreach (var option in request.Options.Concat(companions.Options).Concat(machine.Options).Concat([type, explain, exact.Option]))
        {
            command.Add(option);
        }
        return command.Does(host, async (context, parsed, cancellationToken) =>
        {
            var asked = request.Read(parsed);
            var machines = await machine.ReadAllAsync(context, parsed, cancellationToken);
            var given = machines is [{ Error: { } error }] ? throw error : machines is [{ Machine: { } one }] ? one : null;
            var asksEngine = exact.Read(parsed, machines);
            // The model first: measuring this machine's memory takes a while, and a wrong name or a broken file should not wait for it.
            var name = parsed.GetRequiredValue(model);
            var subject = await FitSubject.FindAsync(context, name, parsed.GetRequiredValue(type), cancellationToken);
            if (parsed.GetResult(type) is { Implicit: false })
            {
                ModelShapeReader.RequirePlanned(subject.Shape, parsed.GetRequiredValue(type));
            }
            var wanted = await companions.ApplyAsync(context, parsed, subject, asked, cancellationToken);
            var explained = parsed.GetValue(explain);
            return machines is { Count: > 1 }
                ? AnswerFleet(context, name, subject, machines, wanted, explained)
                : await AnswerAsync(context, name, subject, given ?? await ThisMachineAsync(context, subject, cancellationToken), wanted, explained, asksEngine, cancellationToken);
        });
    }

    // A file that is on this machine's disk needs no more room there; a checkpoint, a folder, is yet to be converted.
    private static async Task<Machine> ThisMachineAsync(CommandContext context, FitSubject subject, CancellationToken cancellationToken)
        => await context.ReadMachineAsync(cancellationToken) is var machine && File.Exists(subject.Path) ? machine with { DiskFreeBytes = null } : machine;

    private static async Task<int> AnswerAsync(CommandContext context, string model, FitSubject subject, Machine machine, FitRequest request, bool explain, bool exact, CancellationToken cancellationToken)
    {
        var result = Estimate(model, subject, machine, request);
        result = exact ? await ExactSyntax.AskAsync(subject, result, cancellationToken) : result;
        context.Output.Write(result, CliJson.Default.FitResult, report => FitReport.Write(report, result, explain));
        Warn(context, result.Warnings);
        if (result.Exact?.Failure?.Error is { } error)
        {
            // The fit stands and is shown; what was asked beyond it failed.
            context.Output.Note($"{result.Exact.Failure.Message} {error.Hint}");
            return error.Kind.ExitCode();
        }
        return result.Fits ? 0 : ErrorKind.DoesNotFit.ExitCode();
    }

    /// <summary>One answer a machine; a file that holds none is told of and does not keep the others from theirs.</summary>
    private static int AnswerFleet(CommandContext context, string model, FitSubject subject, IReadOnlyList<MachineEntry> machines, FitRequest request, bool explain)
    {
        var names = new MachineNames();
        List<FitResult> fits = [];
        List<ModelOpsException> errors = [];
        foreach (var entry in machines)
        {
            try
            {
                fits.Add(Estimate(model, subject, names.Distinguish(entry.Machine ?? throw entry.Error!, entry.Source), request));
            }
            catch (ModelOpsException exception) when (exception.Kind != ErrorKind.CorruptFile)
            {
                errors.Add(entry.Machine is { } machine ? new ModelOpsException(exception.Kind, $"{machine.Name}: {exception.Message}", exception.Hint, exception) : exception);
            }
        }
        var listing = new FleetListing(fits, [.. errors.Select(error => new ErrorDetail(error.ErrorId, error.Message, error.Hint))]);
        context.Output.Write(listing, CliJson.Default.FleetListing, report => FleetReport.Write(report, listing, explain));
        Warn(context, fits.SelectMany(fit => fit.Warnings));
        return errors.FirstOrDefault()?.Kind.ExitCode() ?? (listing.Fits.All(fit => fit.Fits) ? 0 : ErrorKind.DoesNotFit.ExitCode());
    }

    private static void Warn(CommandContext context, IEnumerable<string> warnings)
    {
        foreach (var warning in warnings.Distinct())
        {
            context.Output.Note($"warning: {warning}");
        }
    }

    private static FitResult Estimate(string model, FitSubject subject, Machine machine, FitRequest request)
        => FitEstimator.Estimate(subject.Shape, machine, request) with
        {
            // Which of a repository's variants it was, when none was named.
            Model = subject is { Repository: { } repository, Variant: { } variant } ? $"{repository}:{variant}" : model,
            Repository = subject.Repository,
            Commit = subject.Commit,
            Variant = subject.Variant,
            Path = subject.Path,
        };
}
