using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops verify</c></summary>
internal static class VerifyCommand
{
    private const int Broken = 6;

    public static Command Create(CliHost host)
    {
        var models = ModelPattern.Argument("Models to verify; otherwise all:", required: false);
        var repair = new Option<bool>("--repair") { Description = "Fetch the damaged parts, and what is missing." };
        var dryRun = new Option<bool>("--dry-run") { Description = "With --repair: say what would be fetched, and change nothing." };
        return new Command("verify", "Read every byte of installed models and compare it with what was published; exit code 6 when something is damaged or missing.") { models, repair, dryRun }
            .Does(host, (context, parsed, cancellationToken) => RunAsync(context, parsed.GetValue(models), parsed.GetValue(repair), parsed.GetValue(dryRun), cancellationToken));
    }

    private static async Task<int> RunAsync(CommandContext context, string[]? patterns, bool repair, bool dryRun, CancellationToken cancellationToken)
    {
        if (dryRun && !repair)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "--dry-run is for a repair; verifying changes nothing.", "Leave it out, or add --repair.");
        }
        var options = context.OpenStore().Options;
        using var hub = context.OpenHub();
        var verifier = new StoreVerifier(options, hub);
        var repairer = new StoreRepair(options, hub);
        var results = new List<ModelVerification>();
        var repairs = new List<RepairPlan>();
        using (var progress = context.Output.Progress())
        {
            foreach (var model in ModelPattern.Select(StoreInventory.Read(options), patterns))
            {
                var result = await verifier.VerifyAsync(model, progress.Of<VerificationProgress>(report => Describe(model, report)), cancellationToken);
                if (repair && result.Broken.Any())
                {
                    var plan = await repairer.PlanAsync(result, cancellationToken);
                    repairs.Add(plan);
                    if (!dryRun)
                    {
                        await repairer.RunAsync(plan, progress.Of<TransferProgress>(report => $"repairing {model.Repository}:{model.Variant}  {report.File}"), cancellationToken);
                        verifier.Forget(model.Repository);
                        result = result.After(plan);
                    }
                }
                results.Add(result);
            }
        }
        var listing = new VerificationListing(results.All(result => !result.Broken.Any()), results, repairs);
        context.Output.Write(listing, CliJson.Default.VerificationListing, report => Render(report, listing, dryRun));
        if (results.Count == 0)
        {
            context.Output.Note("There is nothing to verify.");
        }
        return listing.Valid ? 0 : Broken;
    }

    private static string Describe(InstalledModel model, VerificationProgress progress)
    {
        var percent = progress.TotalBytes == 0 ? 100 : 100 * progress.BytesDone / progress.TotalBytes;
        return $"{percent,3} %  {Sizes.Bytes(progress.BytesDone)} of {Sizes.Bytes(progress.TotalBytes)}  {model.Repository}:{model.Variant}  {progress.File}";
    }

    private static void Render(Report report, VerificationListing listing, bool dryRun)
    {
        if (listing.Models.Count == 0)
        {
            return;
        }
        report.Table([new("Model", Wrap: true), new("State"), new("Verified", Right: true), new("Files", Right: true), new("Commit")],
            listing.Models.Select(model => new[]
            {
                $"{model.Repository}:{model.Variant}",
                model.State.ToString().ToLowerInvariant(),
                Sizes.Bytes(model.Bytes),
                model.Files.Count.ToString(),
                model.Commit[..Math.Min(8, model.Commit.Length)],
            }));
        foreach (var model in listing.Models)
        {
            foreach (var file in model.Files.Where(file => file.State != VerificationState.Valid))
            {
                var line = $"{model.Repository}:{model.Variant}  {file.Path}  {file.State.ToString().ToLowerInvariant()}: {file.Reason}";
                if (file.State == VerificationState.Unverifiable)
                {
                    report.Remark(line);
                }
                else
                {
                    report.Failure(line);
                }
            }
        }
        foreach (var plan in listing.Repairs)
        {
            foreach (var file in plan.Files)
            {
                report.Line($"{(dryRun ? "Would repair" : "Repaired")} {plan.Repository}:{plan.Variant}  {file.Path}: {Sizes.Bytes(file.BytesToFetch)} of {Sizes.Bytes(file.Bytes)} {(dryRun ? "to fetch" : "fetched")}.");
            }
        }
    }
}
