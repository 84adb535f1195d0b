using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops import</c></summary>
internal static class ImportCommand
{
    public static Command Create(CliHost host)
    {
        var path = new Argument<string>("PATH") { Description = "A GGUF file (with all its shards), or a folder with a checkpoint or GGUF files." };
        var name = new Option<string?>("--name") { Description = "Repository to file it under, org/repo; otherwise local/<name of the file or folder>.", HelpName = "REPO" };
        var move = new Option<bool>("--move") { Description = "Move the files into the store instead of copying them." };
        var force = new Option<bool>("--force") { Description = "Let the name stand for this content even when the store has it from a hub with other content." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the plan and change nothing." };
        return new Command("import", "Take a model of this machine into the store: headers checked, digests computed, in the hub's cache layout.") { path, name, move, force, dryRun }
            .Does(host, (context, parsed, cancellationToken) =>
            {
                var options = new ImportOptions { Name = parsed.GetValue(name), Move = parsed.GetValue(move), Force = parsed.GetValue(force) };
                return RunAsync(context, context.FullPath(parsed.GetRequiredValue(path)), options, parsed.GetValue(dryRun), cancellationToken);
            });
    }

    private static async Task<int> RunAsync(CommandContext context, string path, ImportOptions options, bool dryRun, CancellationToken cancellationToken)
    {
        var store = context.OpenStore();
        ImportPlan plan;
        IReadOnlyList<InstalledModel> models;
        using (var progress = context.Output.Progress())
        {
            plan = await ModelImport.PlanAsync(store, path, options, progress.Of<TransferProgress>(report => "reading " + Transfers.Describe(report)), cancellationToken);
            models = dryRun ? [] : await ModelImport.RunAsync(store, plan, progress.Of<TransferProgress>(Transfers.Describe), cancellationToken);
        }
        if (dryRun)
        {
            context.Output.Write(plan, CliJson.Default.ImportPlan, report => Render(report, plan));
            return 0;
        }
        context.Output.Write(new InstalledListing(models), CliJson.Default.InstalledListing, report => Transfers.Render(report, models));
        context.Output.Note(plan.BytesToStore == 0 ? "Everything was there already." : $"{(plan.Move ? "Moved" : "Copied")} and verified {Sizes.Bytes(plan.BytesToStore)}.");
        return 0;
    }

    private static void Render(Report report, ImportPlan plan)
    {
        report.Pairs(
            ("source", plan.Source),
            ("repository", plan.Repository),
            ("commit", plan.Commit),
            ("variants", string.Join(", ", plan.Variants)),
            ("folder", plan.Directory),
            ("size", Sizes.Bytes(plan.Bytes)),
            (plan.Move ? "to move" : "to copy", Sizes.Bytes(plan.BytesToStore)),
            ("disk free", Sizes.Bytes(plan.DiskFreeBytes)),
            ("left out", plan.LeftOut.Count == 0 ? null : string.Join(", ", plan.LeftOut)));
        report.Line();
        report.Table([new("File", Wrap: true), new("Size", Right: true), new("In the store"), new("SHA-256")],
            plan.Files.Select(file => new[] { file.Path, Sizes.Bytes(file.Bytes), file.IsPresent ? "yes" : "", file.Sha256[..16] }));
    }
}
