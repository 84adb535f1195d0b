using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops pull REPO --to DIR</c></summary>
internal static class PullToFolder
{
    public static async Task<int> RunAsync(CommandContext context, ModelStore store, ModelName name, string? revision, bool projector, string directory, bool force, bool dryRun, CancellationToken cancellationToken)
    {
        using var hub = context.OpenHub();
        var plan = await ModelSave.PlanAsync(store, hub, name.Repository, context.FullPath(directory), name.Variant, revision, force, projector, cancellationToken);
        if (dryRun)
        {
            context.Output.Write(plan, CliJson.Default.SavePlan, report => Render(report, plan));
            return 0;
        }
        SavedModel model;
        using (var progress = context.Output.Progress())
        {
            model = await ModelSave.RunAsync(store, hub, plan, progress.Of<TransferProgress>(Transfers.Describe), cancellationToken);
        }
        context.Output.Write(model, CliJson.Default.SavedModel, report => Transfers.Render(report, model));
        context.Output.Note(plan.BytesToCopy + plan.BytesToFetch == 0
            ? "Everything was there already."
            : $"Verified; {Sizes.Bytes(plan.BytesToCopy)} from the store, {Sizes.Bytes(plan.BytesToFetch)} downloaded.");
        return 0;
    }

    private static void Render(Report report, SavePlan plan)
    {
        report.Pairs(
            ("repository", plan.Repository),
            ("commit", plan.Commit),
            ("variant", plan.Variant),
            ("folder", plan.Directory),
            ("size", Sizes.Bytes(plan.Bytes)),
            ("from the store", Sizes.Bytes(plan.BytesToCopy)),
            ("to download", Sizes.Bytes(plan.BytesToFetch)),
            ("disk free", Sizes.Bytes(plan.DiskFreeBytes)));
        report.Line();
        report.Table([new("File", Wrap: true), new("Size", Right: true), new("Present", Right: true), new("From"), new("Replaces")],
            plan.Files.Select(file => new[]
            {
                file.Path, Sizes.Bytes(file.Bytes), Sizes.Bytes(file.PresentBytes),
                file.Source is not null ? "store" : file.PresentBytes == file.Bytes ? "" : "hub", file.Replaces ? "another file" : "",
            }));
    }
}
