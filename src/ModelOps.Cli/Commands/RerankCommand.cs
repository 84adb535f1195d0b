using System.CommandLine;
using ModelOps.Cli.Batch;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops rerank</c></summary>
internal static class RerankCommand
{
    public static Command Create(CliHost host)
    {
        var asked = new InferenceSyntax();
        var query = new Argument<string>("QUERY") { Description = "What the documents are judged by." };
        var documents = new Option<string>("--documents") { Description = "A file of documents: a .csv or .tsv with a header, a .jsonl of objects, or a document a line; - reads what is piped in.", HelpName = "FILE", Required = true };
        var column = new Option<string>("--column") { Description = "The column that holds the document.", HelpName = "NAME", DefaultValueFactory = _ => "text" };
        var top = CommandSyntax.OptionalNumber("--top", "N", "The best N only.", 1);
        var command = new Command("rerank", "Judge documents by a query, with a model that was trained to; the best first.") { asked.Model, query, documents, column, top };
        foreach (var option in asked.Options)
        {
            command.Add(option);
        }
        return command.Does(host, async (context, parsed, cancellationToken) =>
        {
            await using var model = await asked.OpenAsync(context, parsed, [], [], cancellationToken);
            var file = parsed.GetRequiredValue(documents);
            var items = await BatchInput.ReadAllAsync(context, file == "-" ? null : context.FullPath(file), parsed.GetRequiredValue(column), cancellationToken);
            await model.PrepareAsync(1, cancellationToken);
            var question = parsed.GetRequiredValue(query);
            var result = await model.Inference.RerankAsync(new RerankRequest { Query = question, Documents = [.. items.Select(item => item.Text)] }, cancellationToken);
            var ranking = Ranking.Of([.. items.Select(item => (item.Text, (string?)item.Id))], result.Scores, model.Name);
            var listing = new RankingOfDocuments(model.Name, question, result.Tokens, [.. ranking.Take(parsed.GetValue(top) ?? int.MaxValue)]);
            context.Output.Write(listing, CliJson.Default.RankingOfDocuments, report =>
            {
                foreach (var document in listing.Documents)
                {
                    report.Line($"{Sizes.Number(document.Score, "0.0000"),9}  {document.Id}  {document.Document}");
                }
            });
            return 0;
        });
    }
}
