using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops prune</c></summary>
internal static class PruneCommand
{
    public static Command Create(CliHost host)
    {
        var oldRevisions = new Option<bool>("--old-revisions") { Description = "Also remove commits that no branch or tag stands for any more." };
        var unusedFor = CommandSyntax.Age("--unused-for", "Also remove models that were not read for this long, such as 90d.");
        var partialAge = CommandSyntax.Age("--partial-age", "Age at which an unfinished download counts as given up; 7d when left out.");
        var dryRun = new Option<bool>("--dry-run") { Description = "Print what would go, with the reason, and remove nothing." };
        var yes = new Option<bool>("--yes") { Description = "Do not ask before models are removed." };
        return new Command("prune", "Tidy the store: contents that nothing refers to, downloads that were given up; models only when asked to.") { oldRevisions, unusedFor, partialAge, dryRun, yes }
            .Does(host, (context, parsed, cancellationToken) =>
            {
                var cleaning = new CleaningOptions { OldRevisions = parsed.GetValue(oldRevisions), UnusedFor = parsed.GetValue(unusedFor) };
                if (parsed.GetValue(partialAge) is { } age)
                {
                    cleaning = cleaning with { PartialAge = age };
                }
                var cleaner = new StoreCleaner(context.OpenStore().Options);
                return Task.FromResult(RemovalSteps.Follow(context, cleaner, cleaner.PlanCleaning(cleaning), parsed.GetValue(dryRun), parsed.GetValue(yes), cancellationToken));
            });
    }
}
