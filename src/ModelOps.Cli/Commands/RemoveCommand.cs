using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops remove</c></summary>
internal static class RemoveCommand
{
    public static Command Create(CliHost host)
    {
        var models = ModelPattern.Argument("Models to remove. Without a variant the whole repository goes:", required: true);
        var revision = new Option<string?>("--revision") { Description = "Only this branch, tag or commit (or its beginning); otherwise all that are installed.", HelpName = "R" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print what would go and remove nothing." };
        var yes = new Option<bool>("--yes") { Description = "Do not ask." };
        return new Command("remove", "Remove installed models. What other models need stays.") { models, revision, dryRun, yes }
            .Does(host, (context, parsed, cancellationToken) => Task.FromResult(Run(context, parsed.GetRequiredValue(models), parsed.GetValue(revision), parsed.GetValue(dryRun), parsed.GetValue(yes), cancellationToken)));
    }

    private static int Run(CommandContext context, string[] patterns, string? revision, bool dryRun, bool yes, CancellationToken cancellationToken)
    {
        var options = context.OpenStore().Options;
        var inventory = StoreInventory.Read(options);
        var chosen = ModelPattern.Select(inventory, patterns);
        // A pattern means what the user owns; a name that only a shared store has is told so.
        var own = chosen.Where(model => !model.IsShared).ToList();
        IReadOnlyList<InstalledModel> models = own.Count > 0 ? own : chosen;
        IReadOnlyList<string> repositories = revision is null ? ModelPattern.SelectRepositories(inventory, patterns) : [];
        if (revision is not null)
        {
            models = [.. models.Where(model => model.References.Contains(revision) || (revision.Length >= 4 && model.Commit.StartsWith(revision, StringComparison.Ordinal)))];
        }
        if (models.Count == 0 && repositories.Count == 0)
        {
            throw new ModelOpsException(ErrorKind.ModelNotFound, $"No installed model matches {string.Join(", ", patterns)}{(revision is null ? "" : $" at '{revision}'")}.", "See what is: modelops list --all");
        }
        var cleaner = new StoreCleaner(options);
        return RemovalSteps.Follow(context, cleaner, cleaner.PlanRemoval(models, repositories), dryRun, yes, cancellationToken);
    }
}
