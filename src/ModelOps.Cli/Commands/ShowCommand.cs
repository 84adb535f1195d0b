using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops show</c></summary>
internal static class ShowCommand
{
    public static Command Create(CliHost host)
    {
        var repository = new Argument<string>("REPO") { Description = "A repository: org/repo." };
        var revision = new Option<string?>("--revision") { Description = "Branch, tag or commit; otherwise main.", HelpName = "R" };
        return new Command("show", "Show the variants of a repository, with their sizes and whether they fit this machine.") { repository, revision }
            .Does(host, (context, parsed, cancellationToken) => RunAsync(context, parsed.GetRequiredValue(repository), parsed.GetValue(revision), cancellationToken));
    }

    private static async Task<int> RunAsync(CommandContext context, string repository, string? revision, CancellationToken cancellationToken)
    {
        var name = ModelName.Parse(repository);
        using var hub = context.OpenHub();
        var info = await hub.GetRepositoryAsync(name.Repository, revision, cancellationToken);
        var variants = await hub.GetVariantsAsync(info.Repository, info.Commit, cancellationToken);
        if (name.Variant is not null)
        {
            variants = [.. variants.Where(variant => string.Equals(variant.Name, name.Variant, StringComparison.OrdinalIgnoreCase))];
            if (variants.Count == 0)
            {
                throw new ModelOpsException(ErrorKind.VariantNotFound, $"{info.Repository} has no variant '{name.Variant}'.", $"See what there is: modelops show {info.Repository}");
            }
        }
        variants = await VariantFit.CheckAsync(hub, variants, context.ReadMachine(cancellationToken), cancellationToken);
        var listing = new RepositoryListing(info.Repository, info.Commit, info.Summary, variants);
        context.Output.Write(listing, CliJson.Default.RepositoryListing, report => Render(report, listing));
        return 0;
    }

    private static void Render(Report report, RepositoryListing listing)
    {
        report.Title(listing.Repository);
        report.Pairs(
            ("commit", listing.Commit),
            ("license", listing.Summary.License),
            ("pipeline", listing.Summary.Pipeline),
            ("downloads", Sizes.Count(listing.Summary.Downloads)),
            ("access", listing.Summary.Gated ? "must be requested on the repository's page" : null));
        report.Line();
        report.Table(
            [new("Variant", Wrap: true), new("Kind"), new("Size", Right: true), new("Files", Right: true), new("Fits this machine")],
            listing.Variants.Select(variant => new[]
            {
                variant.Name,
                variant.Kind == ModelKind.Gguf ? "GGUF" : "checkpoint",
                Sizes.Bytes(variant.Bytes),
                variant.Files.Count.ToString(),
                variant.Fits switch { true => "yes", false => "no", null => "?" },
            }));
    }
}
