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
        var model = CommandSyntax.Model();
        var query = new Argument<string>("QUERY") { Description = "What the documents are judged by." };
        var documents = new Option<string>("--documents") { Description = "A file of documents: a .csv or .tsv with a header, a .jsonl of objects, or a document a line; - reads what is piped in.", HelpName = "FILE", Required = true };
        var column = new Option<string>("--column") { Description = "The column that holds the document.", HelpName = "NAME", DefaultValueFactory = _ => "text" };
        var top = CommandSyntax.OptionalNumber("--top", "N", "The best N only.", 1);
        var placement = new FitSyntax();
        var threads = CommandSyntax.Threads();
        var isolate = new Option<bool>("--isolate") { Description = "Run the engine in a process of its own." };
        var command = new Command("rerank", "Judge documents by a query, with a model that was trained to; the best first.") { model, query, documents, column, top, threads, isolate };
        foreach (var option in placement.Options)
        {
            command.Add(option);
        }
        return command.Does(host, async (context, parsed, cancellationToken) =>
        {
            var name = parsed.GetRequiredValue(model);
            var options = new EngineOptions { ModelPath = context.ResolveGguf(name), Threads = parsed.GetValue(threads) };
            var file = parsed.GetRequiredValue(documents);
            var items = await BatchInput.ReadAllAsync(context, file == "-" ? null : context.FullPath(file), parsed.GetRequiredValue(column), cancellationToken);
            await using IModelRunner runner = parsed.GetValue(isolate) ? new WorkerRunner(WorkerCommand.CommandLine()) : new InProcessRunner();
            await RunCommand.LoadAsync(context, name, runner, options, placement.Read(parsed), cancellationToken);
            var asked = parsed.GetRequiredValue(query);
            var result = await runner.RerankAsync(new RerankRequest { Query = asked, Documents = [.. items.Select(item => item.Text)] }, cancellationToken);
            var ranking = Ranking.Of([.. items.Select(item => (item.Text, (string?)item.Id))], result.Scores, name);
            var listing = new RankingOfDocuments(name, asked, result.Tokens, [.. ranking.Take(parsed.GetValue(top) ?? int.MaxValue)]);
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
