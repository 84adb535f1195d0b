using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ModelOps.Cli.Batch;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops embed</c></summary>
internal static class EmbedCommand
{
    private static readonly string[] Columns = ["embedding", "similarity"];

    public static Command Create(CliHost host)
    {
        var asked = new InferenceSyntax();
        var texts = new Argument<string[]>("TEXT") { Description = "The texts; without one, and without --input, what is piped in is one.", Arity = ArgumentArity.ZeroOrMore };
        var batch = new BatchSyntax("text", "read");
        var pooling = new Option<PoolingKind?>("--pooling")
        {
            Description = "How the vectors of a text's tokens become one: mean, cls or last; the model's own way if left out.",
            HelpName = "KIND",
            CustomParser = result => Enum.TryParse<PoolingKind>(result.Tokens[^1].Value, ignoreCase: true, out var kind) && Enum.IsDefined(kind)
                ? kind
                : CommandSyntax.Refuse<PoolingKind?>(result, $"--pooling is mean, cls or last, not '{result.Tokens[^1].Value}'."),
        };
        var noNormalize = new Option<bool>("--no-normalize") { Description = "Leave vectors as long as they are, instead of bringing them to length 1." };
        var similarTo = new Option<string?>("--similar-to") { Description = "Give the cosine of each text's vector with this text's; those on the command line are sorted by it.", HelpName = "TEXT" };
        var command = new Command("embed", "Make vectors of texts, for search and comparison.") { asked.Model, texts, pooling, noNormalize, similarTo };
        foreach (var option in batch.Options.Concat(asked.Options))
        {
            command.Add(option);
        }
        return command.Does(host, async (context, parsed, cancellationToken) =>
        {
            await using var model = await asked.OpenAsync(context, parsed, [pooling], [], cancellationToken);
            var request = new EmbeddingRequest { Pooling = parsed.GetValue(pooling), Normalize = !parsed.GetValue(noNormalize) };
            var (given, query) = (parsed.GetValue(texts) ?? [], parsed.GetValue(similarTo));
            var plan = batch.Read(context, parsed);
            if (plan is not null && given.Length > 0)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, "--input excludes TEXT: every item has its own.", "Leave one of them out.");
            }
            return plan is not null
                ? await RunAsync(context, model, request, query, plan, cancellationToken)
                : await RunAsync(context, model, request, query, given.Length > 0 ? given : [await context.ReadInputAsync(cancellationToken)], cancellationToken);
        });
    }

    private static async Task<int> RunAsync(CommandContext context, AskedModel model, EmbeddingRequest request, string? query, IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        await model.PrepareAsync(1, cancellationToken);
        var result = await model.Inference.EmbedAsync(request with { Texts = query is null ? texts : [.. texts, query] }, cancellationToken);
        var embeddings = texts.Select((text, index) => new TextEmbedding(text, result.Vectors[index], query is null ? null : Similarity.Cosine(result.Vectors[index], result.Vectors[^1]), model.Name));
        var listing = new EmbeddingListing(model.Name, query, result.Tokens, [.. query is null ? embeddings : embeddings.OrderByDescending(embedding => embedding.Similarity)]);
        context.Output.Write(listing, CliJson.Default.EmbeddingListing, report => Render(report, listing));
        return 0;
    }

    private static void Render(Report report, EmbeddingListing listing)
    {
        foreach (var embedding in listing.Embeddings)
        {
            report.Line(embedding.Similarity is { } similarity
                ? $"{Sizes.Number(similarity, "0.0000")}  {embedding.Text}"
                : string.Join(' ', embedding.Embedding.Select(value => value.ToString(CultureInfo.InvariantCulture))));
        }
    }

    private static Task<int> RunAsync(CommandContext context, AskedModel model, EmbeddingRequest request, string? query, BatchPlan plan, CancellationToken cancellationToken)
    {
        var embedder = new TextEmbedder(model.Inference, request, cancellationToken);
        float[]? reference = null;
        return new BatchRun<float[]>
        {
            Columns = query is null ? Columns[..1] : Columns,
            PrepareAsync = async token =>
            {
                await model.PrepareAsync(1, token);
                reference = query is null ? null : await embedder.EmbedAsync(query);
            },
            WorkAsync = (item, _) => embedder.EmbedAsync(item.Text),
            Describe = (vector, _) =>
            {
                KeyValuePair<string, JsonNode?> embedding = new(Columns[0], new JsonArray([.. vector.Select(value => (JsonNode)value)]));
                return reference is null ? [embedding] : [embedding, new(Columns[1], Similarity.Cosine(vector, reference))];
            },
            Summarize = time => $"{embedder.Tokens} tokens at {Sizes.Rate(embedder.Tokens / time.TotalSeconds)} tokens/s, loading included.",
        }.RunAsync(context, plan with { Parallel = Math.Max(plan.Parallel, TextEmbedder.BatchSize) }, cancellationToken);
    }
}
