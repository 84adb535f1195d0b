using System.CommandLine;
using System.Diagnostics;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops pull</c></summary>
internal static class PullCommand
{
    public static Command Create(CliHost host)
    {
        var repositories = new Argument<string[]>("REPO") { Description = "A repository: org/repo, or org/repo:variant. With --from-bundle the models to install, otherwise all.", Arity = ArgumentArity.ZeroOrMore };
        var variant = new Option<string?>("--variant") { Description = "Quantization type such as Q4_K_M, or safetensors; otherwise the only one, else Q4_K_M, Q4_0, Q8_0.", HelpName = "V" };
        var revision = new Option<string?>("--revision") { Description = "Branch, tag or commit; otherwise main.", HelpName = "R" };
        var to = new Option<string?>("--to") { Description = "Save it to this folder instead, as plain files; what the store has is copied.", HelpName = "DIR" };
        var bundle = new Option<string?>("--from-bundle") { Description = "Install from a bundle (folder, tar file, or - for a tar on standard input), verified and without the network.", HelpName = "PATH" };
        var force = new Option<bool>("--force") { Description = "With --to: replace files that have other content." };
        var projector = new Option<bool>("--with-mmproj") { Description = "The vision projector too: the F16 one, else BF16, else the first." };
        var network = new TransferSyntax();
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the plan and download nothing." };
        return new Command("pull", "Download a model into the store, or with --to into a folder: ranged, resumable, verified.") { repositories, variant, revision, projector, to, bundle, force, network.Connections, network.LimitRate, dryRun }
            .Does(host, (context, parsed, cancellationToken) =>
            {
                var names = parsed.GetValue(repositories) ?? [];
                if (parsed.GetValue(bundle) is { } path)
                {
                    return parsed.GetValue(variant) is null && parsed.GetValue(revision) is null && parsed.GetValue(to) is null && !parsed.GetValue(force) && !parsed.GetValue(projector)
                        && parsed.GetValue(network.Connections) == 0 && parsed.GetValue(network.LimitRate) is null
                        ? PullFromBundle.RunAsync(context, path, names, parsed.GetValue(dryRun), cancellationToken)
                        : throw new ModelOpsException(ErrorKind.InvalidArgument, "--from-bundle does not go with --variant, --revision, --with-mmproj, --to, --force, --connections or --limit-rate.", "Name a variant as org/repo:variant.");
                }
                if (names.Length != 1)
                {
                    throw new ModelOpsException(ErrorKind.InvalidArgument, names.Length == 0 ? "Name the repository to pull." : "Pull one repository at a time.", "See modelops pull --help");
                }
                var name = ModelName.Parse(names[0], parsed.GetValue(variant));
                var store = network.OpenStore(context, parsed);
                return parsed.GetValue(to) is { } directory
                    ? PullToFolder.RunAsync(context, store, name, parsed.GetValue(revision), parsed.GetValue(projector), directory, parsed.GetValue(force), parsed.GetValue(dryRun), cancellationToken)
                    : RunAsync(context, store, name, parsed.GetValue(revision), parsed.GetValue(projector), parsed.GetValue(dryRun), cancellationToken);
            });
    }

    private static async Task<int> RunAsync(CommandContext context, ModelStore store, ModelName name, string? revision, bool projector, bool dryRun, CancellationToken cancellationToken)
    {
        using var hub = context.OpenHub();
        var plan = await store.PlanInstallAsync(hub, name.Repository, name.Variant, revision, projector, cancellationToken);
        if (dryRun)
        {
            context.Output.Write(plan, CliJson.Default.DownloadPlan, report => Render(report, plan));
            return 0;
        }
        var clock = Stopwatch.StartNew();
        InstalledModel model;
        using (var progress = context.Output.Progress())
        {
            model = await store.InstallAsync(hub, plan, progress.Of<TransferProgress>(Transfers.Describe), cancellationToken);
        }
        context.Output.Write(model, CliJson.Default.InstalledModel, report => Transfers.Render(report, model));
        context.Output.Note(plan.IsShared
            ? $"A shared store has it: {plan.Directory}."
            : plan.BytesToFetch == 0
            ? "Everything was there already."
            : $"Downloaded and verified {Sizes.Bytes(plan.BytesToFetch)} in {Sizes.Seconds(clock.Elapsed.TotalSeconds)}.");
        return 0;
    }

    private static void Render(Report report, DownloadPlan plan)
    {
        report.Pairs(
            ("repository", plan.Repository),
            ("commit", plan.Commit),
            ("variant", plan.Variant),
            ("folder", plan.Directory),
            ("size", Sizes.Bytes(plan.Bytes)),
            ("to download", Sizes.Bytes(plan.BytesToFetch)),
            ("disk free", Sizes.Bytes(plan.DiskFreeBytes)));
        report.Line();
        report.Table([new("File", Wrap: true), new("Size", Right: true), new("Present", Right: true)],
            plan.Files.Select(file => new[] { file.Path, Sizes.Bytes(file.Bytes), file.CopyFrom is null ? Sizes.Bytes(file.PresentBytes) : "shared, will be copied" }));
    }
}
