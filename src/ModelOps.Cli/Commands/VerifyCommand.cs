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
        return new Command("verify", "Read every byte of installed models and compare it with what was published; exit code 6 when something is damaged or missing.") { models }
            .Does(host, (context, parsed, cancellationToken) => RunAsync(context, parsed.GetValue(models), cancellationToken));
    }

    private static async Task<int> RunAsync(CommandContext context, string[]? patterns, CancellationToken cancellationToken)
    {
        var options = context.OpenStore().Options;
        using var hub = context.OpenHub();
        var verifier = new StoreVerifier(options, hub);
        var results = new List<ModelVerification>();
        using (var progress = context.Output.Progress())
        {
            foreach (var model in ModelPattern.Select(StoreInventory.Read(options), patterns))
            {
                results.Add(await verifier.VerifyAsync(model, progress.Of<VerificationProgress>(report => Describe(model, report)), cancellationToken));
            }
        }
        var listing = new VerificationListing(results.All(result => !result.Broken.Any()), results);
        context.Output.Write(listing, CliJson.Default.VerificationListing, report => Render(report, listing));
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

    private static void Render(Report report, VerificationListing listing)
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
    }
}
