using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary><c>/v1/rerank</c> and <c>/rerank</c>: documents in the order in which they answer a query, in the words of Jina's and Cohere's APIs.</summary>
internal sealed class RerankRoute(InferenceOptions options, ModelCalls calls, ServerMetrics metrics)
{
    private const string Documents = "documents";
    private const int MostDocuments = 2048;

    public void Map(WebApplication application)
    {
        foreach (string path in (string[])["/v1/rerank", "/rerank"])
            application.MapPost(path, context => calls.HandleAsync(context, Read, question => question.Model, (question, model, deadline) => AnswerAsync(context, question, model, deadline)));
    }

    private async Task AnswerAsync(HttpContext context, Question question, ResidentModel model, Deadline deadline)
    {
        RerankResult result = await calls.UseAsync(context, model, deadline, runner => runner.RerankAsync(new RerankRequest { Query = question.Query, Documents = question.Documents }, deadline.Token)).ConfigureAwait(false);
        metrics.Used(model.Offered.Name, result.Tokens, 0);
        IEnumerable<JsonNode> results = result.Scores.Select((score, index) => (Score: score, Index: index)).OrderByDescending(entry => entry.Score).Take(question.Most ?? int.MaxValue).Select(entry => Entry(question, entry.Index, entry.Score));
        await JsonAnswer.WriteAsync(context.Response, new JsonObject
        {
            ["object"] = "list",
            ["model"] = model.Offered.Name,
            ["usage"] = new JsonObject { ["prompt_tokens"] = result.Tokens, ["total_tokens"] = result.Tokens },
            ["results"] = new JsonArray([.. results]),
        }, deadline.Token).ConfigureAwait(false);
    }

    private static JsonObject Entry(Question question, int index, double score)
    {
        var entry = new JsonObject { ["index"] = index, ["relevance_score"] = score };
        if (question.ReturnsDocuments)
            entry["document"] = new JsonObject { ["text"] = question.Documents[index] };
        return entry;
    }

    private Question Read(JsonElement json)
    {
        Fields fields = Fields.Of(json);
        string query = fields.RequireText("query");
        List<string> documents = [.. (fields.List(Documents) ?? throw Fields.Missing(Documents)).Select(item => item.Value.ValueKind == JsonValueKind.Object ? Fields.Object(item.Value, item.Path).RequireText("text") : Fields.Text(item.Value, item.Path))];
        if (documents.Count is 0 or > MostDocuments)
            throw new ApiException(ApiError.BadRequest($"'{Documents}' takes 1 to {MostDocuments} texts.", Documents));
        MessageReader.RequireLength(documents.Sum(text => (long)text.Length) + ((long)query.Length * documents.Count), options.MaxPromptLength, Documents);
        return new Question(fields.Text("model"), query, documents, fields.Count("top_n", 1), fields.Flag("return_documents") ?? false);
    }

    /// <summary>What is asked.</summary>
    private sealed record Question(string? Model, string Query, IReadOnlyList<string> Documents, int? Most, bool ReturnsDocuments);
}
