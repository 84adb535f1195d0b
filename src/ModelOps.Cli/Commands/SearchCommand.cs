using System.CommandLine;
using System.Globalization;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops search</c></summary>
internal static class SearchCommand
{
    public static Command Create(CliHost host)
    {
        var words = new Argument<string[]>("WORDS") { Description = "Words that the repository's name contains.", Arity = ArgumentArity.ZeroOrMore };
        var author = new Option<string?>("--author") { Description = "Repositories of this user or organisation.", HelpName = "NAME" };
        var tags = new Option<string[]>("--tag") { Description = "Repositories with this tag, such as gguf; may be given more than once.", HelpName = "TAG" };
        var gguf = new Option<bool>("--gguf") { Description = "Only repositories that hold GGUF files." };
        var least = Parameters("--min-parameters", "Fewest parameters");
        var most = Parameters("--max-parameters", "Most parameters");
        var license = new Option<string?>("--license") { Description = "Repositories under this licence, such as apache-2.0.", HelpName = "NAME" };
        var language = new Option<string?>("--language") { Description = "Models made for this language, as a code such as de.", HelpName = "CODE" };
        var baseModel = new Option<string?>("--base-model") { Description = "Models made from this repository: its quantizations and fine-tunes.", HelpName = "REPO" };
        // A text: of a truth value the parser would take what follows for a word, unless it is one.
        var gated = new Option<string?>("--gated")
        {
            Description = "true: only where access must be requested; false: only where not.",
            HelpName = "true|false",
            CustomParser = result => result.Tokens[^1].Value.ToLowerInvariant() is var text and ("true" or "false") ? text : CommandSyntax.Refuse<string?>(result, $"--gated is true or false, not '{result.Tokens[^1].Value}'."),
        };
        var pipeline = new Option<string?>("--pipeline") { Description = "Repositories of this pipeline, such as text-generation.", HelpName = "NAME" };
        var sort = CommandSyntax.Choice("--sort", "trending|downloads|likes|lastModified|created", "Order, the most first.", ModelSort.Downloads, Enum.GetValues<ModelSort>());
        var limit = CommandSyntax.Number("--limit", "N", "Most results; 0 is all.", 20, least: 0);
        return new Command("search", "Search the hub for models.") { words, author, tags, gguf, least, most, license, language, baseModel, gated, pipeline, sort, limit }.Does(host, (context, parsed, cancellationToken) =>
        {
            var text = string.Join(' ', parsed.GetValue(words) ?? []);
            var query = new ModelQuery
            {
                Text = text.Length == 0 ? null : text,
                Author = parsed.GetValue(author),
                Tags = parsed.GetValue(tags) ?? [],
                GgufOnly = parsed.GetValue(gguf),
                MinimumParameters = parsed.GetValue(least),
                MaximumParameters = parsed.GetValue(most),
                License = parsed.GetValue(license),
                Language = parsed.GetValue(language),
                BaseModel = parsed.GetValue(baseModel),
                Gated = parsed.GetValue(gated) is { } only ? only == "true" : null,
                Pipeline = parsed.GetValue(pipeline),
                Sort = parsed.GetValue(sort),
                Limit = parsed.GetValue(limit),
            };
            return RunAsync(context, query, cancellationToken);
        });
    }

    private static Option<long?> Parameters(string name, string description) => new(name)
    {
        Description = $"{description}, such as 7B, 1.5B or 350M.",
        HelpName = "N",
        CustomParser = result => ParameterCount.TryParse(result.Tokens[^1].Value)
            ?? CommandSyntax.Refuse<long?>(result, $"{name} is a number such as 7B, 1.5B or 350M, not '{result.Tokens[^1].Value}'."),
    };

    private static async Task<int> RunAsync(CommandContext context, ModelQuery query, CancellationToken cancellationToken)
    {
        using var hub = context.OpenHub();
        var models = new List<ModelSummary>();
        await foreach (var model in hub.SearchAsync(query, cancellationToken))
        {
            models.Add(model);
        }
        context.Output.Write(new SearchListing(models), CliJson.Default.SearchListing, report => Render(report, models));
        if (models.Count == 0)
        {
            context.Output.Note("No repository meets all conditions.");
        }
        return 0;
    }

    private static void Render(Report report, List<ModelSummary> models)
    {
        if (models.Count == 0)
        {
            return;
        }
        report.Table(
            [new("Repository", Wrap: true), new("Parameters", Right: true), new("Downloads", Right: true), new("Likes", Right: true), new("Changed"), new("License"), new("Gated")],
            models.Select(model => new[]
            {
                model.Repository,
                model.Parameters is { } parameters ? Sizes.Count(parameters) : "",
                Sizes.Count(model.Downloads),
                Sizes.Count(model.Likes),
                model.LastModified?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "",
                model.License ?? "",
                model.Gated ? "yes" : "",
            }));
    }
}
