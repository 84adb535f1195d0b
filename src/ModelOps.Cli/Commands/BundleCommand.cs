using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops bundle</c></summary>
internal static class BundleCommand
{
    public static Command Create(CliHost host)
    {
        var models = new Argument<string[]>("MODEL") { Description = "Installed models: org/repo[:variant].", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--output", "-o") { Description = "Folder to write, or a file when it ends in .tar.", HelpName = "PATH", Required = true };
        var force = new Option<bool>("--force") { Description = "Replace a bundle that is there." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the plan and write nothing." };
        return new Command("bundle", "Write installed models with their digests to a folder or tar, for machines without a network.") { models, output, force, dryRun }
            .Does(host, (context, parsed, cancellationToken) =>
                RunAsync(context, parsed.GetRequiredValue(models), context.FullPath(parsed.GetRequiredValue(output)), parsed.GetValue(force), parsed.GetValue(dryRun), cancellationToken));
    }

    private static async Task<int> RunAsync(CommandContext context, string[] names, string output, bool force, bool dryRun, CancellationToken cancellationToken)
    {
        var store = context.OpenStore();
        var plan = await BundleWriter.PlanAsync(store, [.. names.Select(name => BundleWriter.Find(store, name))], output, force, cancellationToken);
        if (dryRun)
        {
            context.Output.Write(plan, CliJson.Default.BundlePlan, report => Render(report, plan));
            return 0;
        }
        BundleResult result;
        using (var progress = context.Output.Progress())
        {
            result = await BundleWriter.RunAsync(store, plan, progress.Of<TransferProgress>(Transfers.Describe), cancellationToken);
        }
        context.Output.Write(result, CliJson.Default.BundleResult, report => Render(report, result));
        context.Output.Note($"Install it there with: modelops pull --from-bundle {Path.GetFileName(result.Output)}");
        return 0;
    }

    private static void Render(Report report, BundlePlan plan)
    {
        report.Pairs(
            ("output", plan.Output),
            ("size", $"{Sizes.Bytes(plan.Bytes)} in {plan.Contents.Count} files"),
            ("disk free", Sizes.Bytes(plan.DiskFreeBytes)),
            ("replaces", plan.Replaces ? "the bundle that is there" : null));
        report.Line();
        Render(report, plan.Models);
    }

    private static void Render(Report report, BundleResult result)
    {
        report.Pairs(("output", result.Output), ("size", Sizes.Bytes(result.Bytes)), ("sha256", result.Sha256));
        report.Line();
        Render(report, result.Models);
    }

    private static void Render(Report report, IReadOnlyList<BundledModel> models) => report.Table(
        [new("Model", Wrap: true), new("Size", Right: true), new("Files", Right: true), new("Commit")],
        models.Select(model => new[] { $"{model.Repository}:{model.Variant}", Sizes.Bytes(model.Bytes), model.Files.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), model.Commit[..8] }));
}
