using System.CommandLine;
using System.Globalization;
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
        var refs = new Option<bool>("--refs") { Description = "Show its branches and tags instead." };
        var headers = new Option<bool>("--headers") { Description = "Read the header of every GGUF variant, several MB each; otherwise of all when they are few, else of one." };
        return new Command("show", "Show the variants of a repository, with their sizes and whether they fit this machine.") { repository, revision, headers, refs }
            .Does(host, (context, parsed, cancellationToken) => parsed.GetValue(refs)
                ? ListReferencesAsync(context, ModelName.Parse(parsed.GetRequiredValue(repository)).Repository, cancellationToken)
                : RunAsync(context, parsed.GetRequiredValue(repository), parsed.GetValue(revision), parsed.GetValue(headers), cancellationToken));
    }

    private static async Task<int> ListReferencesAsync(CommandContext context, string repository, CancellationToken cancellationToken)
    {
        using var hub = context.OpenHub();
        var references = await hub.GetReferencesAsync(repository, cancellationToken);
        context.Output.Write(new ReferenceListing(repository, references), CliJson.Default.ReferenceListing, report => report.Table(
            [new("Name", Wrap: true), new("Kind"), new("Commit")],
            references.Select(reference => new[] { reference.Name, reference.Kind.ToString().ToLowerInvariant(), reference.Commit })));
        return 0;
    }

    private static async Task<int> RunAsync(CommandContext context, string repository, string? revision, bool headers, CancellationToken cancellationToken)
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
        variants = await VariantFit.CheckAsync(hub, variants, await context.ReadMachineAsync(cancellationToken), headers, cancellationToken);
        var listing = new RepositoryListing(info.Repository, info.Commit, info.Summary, variants);
        context.Output.Write(listing, CliJson.Default.RepositoryListing, report => Render(report, listing));
        return 0;
    }

    private static void Render(Report report, RepositoryListing listing)
    {
        report.Title(listing.Repository);
        var summary = listing.Summary;
        report.Pairs(
            ("commit", listing.Commit),
            ("changed", summary.LastModified?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
            ("license", summary.License),
            ("pipeline", summary.Pipeline),
            ("architecture", summary.Architecture),
            ("parameters", summary.Parameters is { } parameters ? Sizes.Count(parameters) : null),
            ("context", summary.ContextLength is { } length ? $"{length} tokens" : null),
            ("made from", summary.BaseModels.Count == 0 ? null : string.Join(", ", summary.BaseModels)),
            ("downloads", Sizes.Count(summary.Downloads)),
            ("likes", Sizes.Count(summary.Likes)),
            ("access", !summary.Gated ? null : $"must be requested on the repository's page{(summary.GatedApproval == "auto" ? ", and is granted at once" : "")}"));
        report.Line();
        report.Table(
            [new("Variant", Wrap: true), new("Kind"), new("Size", Right: true), new("Files", Right: true), new("Fits this machine"), new("")],
            listing.Variants.Select(variant => new[]
            {
                variant.Name,
                variant.Kind == ModelKind.Gguf ? "GGUF" : "checkpoint",
                Sizes.Bytes(variant.Bytes),
                variant.Files.Count.ToString(CultureInfo.InvariantCulture),
                variant.Fits switch { true => "yes", false => "no", null => "?" },
                variant.IsDefault ? "default" : "",
            }));
        RenderCompanions(report, listing.Variants);
        foreach (var variant in listing.Variants.Where(variant => variant.NameDisagrees == true))
        {
            report.Failure($"{variant.Name} is named wrongly: its header holds {variant.Quantization}.");
        }
        if (listing.Variants.FirstOrDefault(variant => variant.IsDefault) is { Fits: false } preferred
            && listing.Variants.Where(variant => variant.Fits == true && variant.Kind == preferred.Kind).MaxBy(variant => variant.Bytes) is { } largest)
        {
            report.Remark($"{preferred.Name}, which pull takes when none is named, does not fit; the largest that does is {largest.Name}.");
        }
    }

    private static void RenderCompanions(Report report, IReadOnlyList<ModelVariant> variants)
    {
        var companions = variants.SelectMany(variant => variant.Companions).DistinctBy(companion => companion.File.Path).ToList();
        if (companions.Count == 0)
        {
            return;
        }
        report.Line();
        report.Table([new("Companion", Wrap: true), new("Kind"), new("Size", Right: true)], companions.Select(companion => new[]
        {
            companion.File.Path,
            companion.Kind == CompanionKind.Projector ? "vision projector (pull --with-mmproj)" : "importance matrix",
            Sizes.Bytes(companion.File.Bytes),
        }));
    }
}
