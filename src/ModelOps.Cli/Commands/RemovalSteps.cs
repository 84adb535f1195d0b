using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary>What <c>remove</c> and <c>prune</c> do with a plan: print it, ask, follow it, say what was done.</summary>
internal static class RemovalSteps
{
    public static int Follow(CommandContext context, StoreCleaner cleaner, RemovalPlan plan, bool dryRun, bool yes, CancellationToken cancellationToken)
    {
        if (dryRun)
        {
            context.Output.Write(plan, CliJson.Default.RemovalPlan, report => Render(report, plan));
            WriteNotes(context, plan.Notes);
            return 0;
        }
        if (plan.Models.Count > 0 && !yes && !Ask(context, plan, cancellationToken))
        {
            context.Output.Note("Nothing was removed.");
            return ErrorKind.Interrupted.ExitCode();
        }
        var result = cleaner.Run(plan, cancellationToken);
        context.Output.Write(result, CliJson.Default.RemovalResult, report => Render(report, result));
        WriteNotes(context, result.Notes);
        return 0;
    }

    private static bool Ask(CommandContext context, RemovalPlan plan, CancellationToken cancellationToken)
    {
        if (context.Host.ReadAnswer is null)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "Models would be removed, and nobody is there to be asked.", "Add --yes to remove them, or --dry-run to see what would go.");
        }
        foreach (var model in plan.Models)
        {
            context.Output.Note($"  {model.Repository}:{model.Variant}  {model.Commit[..Math.Min(8, model.Commit.Length)]}");
        }
        context.Host.Error.Write($"Remove {Count(plan.Models.Count, "model")} and free {Sizes.Bytes(plan.Bytes)}? [y/N] ");
        context.Host.Error.Flush();
        var answer = context.Host.ReadAnswer()?.Trim();
        cancellationToken.ThrowIfCancellationRequested();
        return answer is not null && (answer.Equals("y", StringComparison.OrdinalIgnoreCase) || answer.Equals("yes", StringComparison.OrdinalIgnoreCase));
    }

    private static void Render(Report report, RemovalPlan plan)
    {
        if (plan.Items.Count == 0)
        {
            report.Line("There is nothing to remove.");
            return;
        }
        report.Table([new("Size", Right: true), new("What"), new("Path", Wrap: true), new("Why", Wrap: true)],
            plan.Items.Select(item => new[] { Sizes.Bytes(item.Bytes), Name(item.Kind), Path.GetRelativePath(plan.Store, item.Path), item.Reason }));
        report.Line();
        report.Line($"Would free {Sizes.Bytes(plan.Bytes)} in {plan.Store}.");
    }

    private static void Render(Report report, RemovalResult result)
    {
        foreach (var model in result.Models)
        {
            report.Line($"Removed {model.Repository}:{model.Variant} at {model.Commit[..Math.Min(8, model.Commit.Length)]}.");
        }
        report.Line(result.Removed.Count == 0
            ? "There was nothing to remove."
            : $"Freed {Sizes.Bytes(result.Bytes)} in {result.Store}: {string.Join(", ", result.Removed.CountBy(item => item.Kind).OrderBy(kind => kind.Key).Select(kind => Count(kind.Value, Name(kind.Key))))}.");
    }

    private static void WriteNotes(CommandContext context, IReadOnlyList<StoreNote> notes)
    {
        foreach (var note in notes)
        {
            context.Output.Note($"note: {note.Path}: {note.Message}");
        }
    }

    private static string Count(int count, string name) => $"{count} {name}{(count == 1 ? "" : "s")}";

    private static string Name(RemovalKind kind) => kind switch
    {
        RemovalKind.SnapshotFile => "name",
        RemovalKind.Partial => "partial file",
        _ => kind.ToString().ToLowerInvariant(),
    };
}
