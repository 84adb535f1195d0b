using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary><c>/v1/embeddings</c>: vectors of texts, of length 1.</summary>
internal sealed class EmbeddingRoute(InferenceOptions options, ModelCalls calls, ServerMetrics metrics)
{
    private const string Input = "input";
    private const int MostTexts = 2048;

    public void Map(WebApplication application)
        => application.MapPost("/v1/embeddings", context => calls.HandleAsync(context, Read, question => question.Model, (question, model, deadline) => AnswerAsync(context, question, model, deadline)));

    private async Task AnswerAsync(HttpContext context, Question question, ResidentModel model, Deadline deadline)
    {
        EmbeddingResult result = await calls.UseAsync(context, model, deadline, runner => runner.EmbedAsync(new EmbeddingRequest { Texts = question.Texts }, deadline.Token)).ConfigureAwait(false);
        metrics.Used(model.Offered.Name, result.Tokens, 0);
        var data = new JsonArray([.. result.Vectors.Select((vector, index) => new JsonObject { ["object"] = "embedding", ["index"] = index, ["embedding"] = Vector(vector, question) })]);
        await JsonAnswer.WriteAsync(context.Response, new JsonObject
        {
            ["object"] = "list",
            ["data"] = data,
            ["model"] = model.Offered.Name,
            ["usage"] = new JsonObject { ["prompt_tokens"] = result.Tokens, ["total_tokens"] = result.Tokens },
        }, deadline.Token).ConfigureAwait(false);
    }

    private Question Read(JsonElement json)
    {
        Fields fields = Fields.Of(json);
        string[] texts = fields.Find(Input) switch
        {
            null => throw Fields.Missing(Input),
            { ValueKind: JsonValueKind.String } one => [Fields.Text(one, Input)],
            { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().Any(item => item.ValueKind is JsonValueKind.Number or JsonValueKind.Array)
                => throw new ApiException(ApiError.BadRequest("This server takes texts, not token ids.", Input, "unsupported_value")),
            { ValueKind: JsonValueKind.Array } => [.. fields.List(Input)!.Select(item => Fields.Text(item.Value, item.Path))],
            { } other => throw Fields.Wrong(Input, "a string or an array of strings", other),
        };
        if (texts.Length is 0 or > MostTexts || texts.Any(text => text.Length == 0))
            throw new ApiException(ApiError.BadRequest($"'{Input}' takes 1 to {MostTexts} texts, none of them empty.", Input));
        MessageReader.RequireLength(texts.Sum(text => (long)text.Length), options.MaxPromptLength, Input);
        string format = fields.Text("encoding_format") ?? "float";
        if (format is not ("float" or "base64"))
            throw new ApiException(ApiError.BadRequest($"'{format}' is no format: there are float and base64.", "encoding_format"));
        return new Question(fields.Text("model"), texts, format == "base64", fields.Count("dimensions", 1));
    }

    private static JsonNode Vector(float[] vector, Question question)
    {
        float[] asked = question.Dimensions is { } dimensions ? Shorten(vector, dimensions) : vector;
        if (!question.IsBase64)
            return new JsonArray([.. asked.Select(value => (JsonNode)JsonValue.Create(value))]);
        byte[] bytes = new byte[asked.Length * sizeof(float)];
        for (int i = 0; i < asked.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), asked[i]);
        return JsonValue.Create(Convert.ToBase64String(bytes));
    }

    // As models are meant that were trained so that the first numbers alone will do (arXiv 2205.13147).
    private static float[] Shorten(float[] vector, int dimensions)
    {
        if (dimensions > vector.Length)
            throw new ApiException(ApiError.BadRequest($"The model's vectors have {vector.Length} dimensions, not {dimensions}.", "dimensions"));
        float[] first = vector[..dimensions];
        double length = Math.Sqrt(first.Sum(value => (double)value * value));
        return length > 0 ? [.. first.Select(value => (float)(value / length))] : first;
    }

    /// <summary>What is asked.</summary>
    private sealed record Question(string? Model, IReadOnlyList<string> Texts, bool IsBase64, int? Dimensions);
}
