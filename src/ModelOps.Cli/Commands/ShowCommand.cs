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
        var best = new Option<bool>("--best") { Description = "Rank the GGUF variants instead: the most bits a weight that fit wholly on the GPU, else that fit. Exits with 5 when none does." };
        var request = new FitSyntax();
        var machine = new MachineSyntax($"Ask for another machine: {MachineSyntax.Kinds}.");
        var refs = new Option<bool>("--refs") { Description = "Show its branches and tags instead." };
        var headers = new Option<bool>("--headers") { Description = "Read the header of every GGUF variant, several MB each; otherwise of all when they are few, else of one." };
        var command = new Command("show", "Show the variants of a repository, with their sizes and whether they fit this machine.") { repository, revision, headers, refs, best };
        foreach (var option in request.Options.Concat(machine.Options))
        {
            command.Add(option);
        }
        return command.Does(host, async (context, parsed, cancellationToken) =>
        {
            var name = parsed.GetRequiredValue(repository);
            if (parsed.GetValue(refs))
            {
                return await ListReferencesAsync(context, ModelName.Parse(name).Repository, cancellationToken);
            }
            var wanted = request.Read(parsed);
            var given = await machine.ReadAsync(context, parsed, cancellationToken);
            return parsed.GetValue(best)
                ? await RankAsync(context, name, parsed.GetValue(revision), given, wanted, cancellationToken)
                : await RunAsync(context, name, parsed.GetValue(revision), parsed.GetValue(headers), given, wanted, cancellationToken);
        });
    }

    private static async Task<int> RankAsync(CommandContext context, string repository, string? revision, Machine? machine, FitRequest request, CancellationToken cancellationToken)
    {
        using var hub = context.OpenHub();
        var (info, variants) = await FindAsync(hub, repository, revision, cancellationToken);
        var ranking = await VariantRanking.RankAsync(hub, variants, machine ?? await context.ReadMachineAsync(cancellationToken), request, cancellationToken);
        var listing = new RankingListing(info.Repository, info.Commit, ranking[0].Fit.Fits ? ranking[0].Variant : null, ranking);
        context.Output.Write(listing, CliJson.Default.RankingListing, report => Render(report, listing));
        return listing.Best is null ? ErrorKind.DoesNotFit.ExitCode() : 0;
    }

    private static void Render(Report report, RankingListing listing)
    {
        report.Title(listing.Repository);
        report.Table(
            [new("", Right: true), new("Variant", Wrap: true), new("Size", Right: true), new("Speed", Right: true), new("Why", Wrap: true)],
            listing.Ranking.Select(variant => new[]
            {
                variant.Rank.ToString(CultureInfo.InvariantCulture),
                variant.Variant,
                Sizes.Bytes(variant.Bytes),
                variant.Fit is { Fits: true, TokensPerSecond: { } speed } ? $"{TokenRate.Range(speed)} t/s" : "",
                variant.Reason,
            }));
        if (listing.Best is null)
        {
            report.Failure("None fits as it was asked for.");
            var smallest = VariantRanking.Smallest(listing.Ranking);
            foreach (var advice in smallest.Fit.Advice)
            {
                report.Line($"• {smallest.Variant}, the smallest: {advice}");
            }
        }
        else
        {
            report.Success($"The best that fits: modelops pull {listing.Repository}:{listing.Best}");
        }
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

    private static async Task<int> RunAsync(CommandContext context, string repository, string? revision, bool headers, Machine? machine, FitRequest request, CancellationToken cancellationToken)
    {
        using var hub = context.OpenHub();
        var (info, variants) = await FindAsync(hub, repository, revision, cancellationToken);
        variants = await VariantFit.CheckAsync(hub, variants, machine ?? await context.ReadMachineAsync(cancellationToken), headers, request, cancellationToken);
        var listing = new RepositoryListing(info.Repository, info.Commit, info.Summary, variants);
        context.Output.Write(listing, CliJson.Default.RepositoryListing, report => Render(report, listing));
        return 0;
    }

    private static async Task<(RepositoryInfo Info, IReadOnlyList<ModelVariant> Variants)> FindAsync(HubClient hub, string repository, string? revision, CancellationToken cancellationToken)
    {
        var name = ModelName.Parse(repository);
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
        return (info, variants);
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
