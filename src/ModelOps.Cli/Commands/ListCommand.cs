using System.CommandLine;
using System.Globalization;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops list</c></summary>
internal static class ListCommand
{
    public static Command Create(CliHost host)
    {
        var models = ModelPattern.Argument("Models to list; otherwise all:", required: false);
        var all = new Option<bool>("--all") { Description = "List incomplete models too, and what is broken or not known in the store." };
        return new Command("list", "List the installed models, those of shared stores too.") { models, all }
            .Does(host, (context, parsed, _) => Task.FromResult(Run(context, parsed.GetValue(models), parsed.GetValue(all))));
    }

    private static int Run(CommandContext context, string[]? patterns, bool all)
    {
        var inventory = StoreInventory.Read(context.OpenStore().Options);
        IReadOnlyList<InstalledModel> models = [.. ModelPattern.Select(inventory, patterns).Where(model => all || model.IsComplete)];
        var listing = new StoreListing(inventory.Store, inventory.Bytes, inventory.UnfinishedBytes, models, all ? inventory.Notes : []);
        context.Output.Write(listing, CliJson.Default.StoreListing, report => Render(report, listing));
        if (models.Count == 0)
        {
            context.Output.Note($"Nothing is installed in {listing.Store}.");
        }
        foreach (var note in listing.Notes)
        {
            context.Output.Note($"note: {note.Path}: {note.Message}");
        }
        if (inventory.UnfinishedBytes > 0)
        {
            context.Output.Note($"Unfinished downloads take {Sizes.Bytes(inventory.UnfinishedBytes)}; pull goes on with them, prune removes those given up (--partial-age).");
        }
        var incomplete = inventory.Models.Count(model => !model.IsComplete);
        if (!all && incomplete > 0)
        {
            context.Output.Note($"{incomplete} incomplete {(incomplete == 1 ? "model is" : "models are")} not listed; see modelops list --all.");
        }
        return 0;
    }

    private static void Render(Report report, StoreListing listing)
    {
        if (listing.Models.Count == 0)
        {
            return;
        }
        var shared = listing.Models.Any(model => model.IsShared);
        List<Column> columns = [new("Model", Wrap: true), new("Size", Right: true), new("Unique", Right: true), new("Last used"), new("Commit"), new("Refs", Wrap: true)];
        if (shared)
        {
            columns.Add(new("Store", Wrap: true));
        }
        report.Table(columns, listing.Models.Select(model =>
        {
            List<string> row =
            [
                $"{model.Repository}:{model.Variant}{(model.MissingFiles.Count == 0 ? "" : model.IsComplete ? " (files missing)" : " (incomplete)")}",
                Sizes.Bytes(model.Bytes),
                Sizes.Bytes(model.UniqueBytes),
                model.LastUsed.ToLocalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
                model.Commit[..Math.Min(8, model.Commit.Length)],
                string.Join(", ", model.References),
            ];
            if (shared)
            {
                row.Add(model.IsShared ? model.Store : "");
            }
            return row;
        }));
    }
}
