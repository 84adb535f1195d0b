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
        var pipeline = new Option<string?>("--pipeline") { Description = "Repositories of this pipeline, such as text-generation.", HelpName = "NAME" };
        var sort = CommandSyntax.Choice("--sort", "trending|downloads|likes|lastModified|created", "Order, the most first.", ModelSort.Downloads, Enum.GetValues<ModelSort>());
        var limit = CommandSyntax.Number("--limit", "N", "Most results; 0 is all.", 20, least: 0);
        return new Command("search", "Search the hub for models.") { words, author, tags, pipeline, sort, limit }.Does(host, (context, parsed, cancellationToken) =>
        {
            var text = string.Join(' ', parsed.GetValue(words) ?? []);
            var query = new ModelQuery
            {
                Text = text.Length == 0 ? null : text,
                Author = parsed.GetValue(author),
                Tags = parsed.GetValue(tags) ?? [],
                Pipeline = parsed.GetValue(pipeline),
                Sort = parsed.GetValue(sort),
                Limit = parsed.GetValue(limit),
            };
            return RunAsync(context, query, cancellationToken);
        });
    }

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
            context.Output.Note("No model has such a name.");
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
            [new("Repository", Wrap: true), new("Downloads", Right: true), new("Likes", Right: true), new("Changed"), new("License"), new("Gated")],
            models.Select(model => new[]
            {
                model.Repository,
                Sizes.Count(model.Downloads),
                Sizes.Count(model.Likes),
                model.LastModified?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "",
                model.License ?? "",
                model.Gated ? "yes" : "",
            }));
    }
}
