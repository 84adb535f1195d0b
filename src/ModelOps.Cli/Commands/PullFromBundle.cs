using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops pull --from-bundle PATH [MODEL…]</c></summary>
internal static class PullFromBundle
{
    public static async Task<int> RunAsync(CommandContext context, string path, IReadOnlyList<string> models, bool dryRun, CancellationToken cancellationToken)
    {
        var store = context.OpenStore();
        await using var bundle = path == "-"
            ? await BundleReader.OpenAsync(context.Host.OpenInputStream(), "standard input", cancellationToken)
            : await BundleReader.OpenAsync(context.FullPath(path), cancellationToken);
        var plan = bundle.PlanInstall(store, models);
        if (dryRun)
        {
            context.Output.Write(plan, CliJson.Default.BundleInstallPlan, report => Render(report, plan));
            return 0;
        }
        IReadOnlyList<InstalledModel> installed;
        using (var progress = context.Output.Progress())
        {
            installed = await bundle.InstallAsync(store, plan, progress.Of<TransferProgress>(Transfers.Describe), cancellationToken);
        }
        context.Output.Write(new InstalledListing(installed), CliJson.Default.InstalledListing, report => Transfers.Render(report, installed));
        context.Output.Note(plan.BytesToStore == 0 ? "Everything was there already." : $"Installed and verified {Sizes.Bytes(plan.BytesToStore)}.");
        return 0;
    }

    private static void Render(Report report, BundleInstallPlan plan)
    {
        report.Pairs(
            ("bundle", plan.Bundle),
            ("size", Sizes.Bytes(plan.Bytes)),
            ("to install", Sizes.Bytes(plan.BytesToStore)),
            ("disk free", Sizes.Bytes(plan.DiskFreeBytes)));
        report.Line();
        report.Table([new("Model", Wrap: true), new("File", Wrap: true), new("Size", Right: true), new("Present"), new("Commit")],
            plan.Models.SelectMany(model => model.Files.Select(file => new[]
            {
                $"{model.Repository}:{model.Variant}", file.Path, Sizes.Bytes(file.Bytes), file.PresentBytes == file.Bytes ? "yes" : "", model.Commit[..8],
            })));
    }
}
