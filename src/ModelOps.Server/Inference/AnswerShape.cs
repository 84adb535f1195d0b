using System.Text.Json.Nodes;

namespace ModelOps.Server.Inference;

/// <summary>How an answer looks in one of the APIs, whole and in pieces.</summary>
internal abstract class AnswerShape(string idPrefix, string model, DateTimeOffset now)
{
    private readonly string _id = $"{idPrefix}-{Guid.NewGuid():N}";

    /// <summary>The whole answer.</summary>
    public abstract JsonObject Whole(Ask ask, GenerationResult result);

    /// <summary>The piece before the first.</summary>
    public abstract JsonObject? Begin(Ask ask);

    /// <summary>A piece of text.</summary>
    public abstract JsonObject Piece(string text, bool isReasoning);

    /// <summary>The pieces after the text.</summary>
    public abstract IEnumerable<JsonObject> End(Ask ask, GenerationResult result);

    /// <summary>The last piece, for those who ask for it: no choice, but the usage.</summary>
    public JsonObject Usage(GenerationResult result) => Envelope(StreamObject, [], result);

    /// <summary>What <c>object</c> says of pieces.</summary>
    protected abstract string StreamObject { get; }

    /// <summary>Tokens that were read and written.</summary>
    private static JsonObject UsageOf(GenerationResult result) => new()
    {
        ["prompt_tokens"] = result.PromptTokens,
        ["completion_tokens"] = result.Tokens.Count,
        ["total_tokens"] = result.PromptTokens + result.Tokens.Count,
        ["prompt_tokens_details"] = new JsonObject { ["cached_tokens"] = result.CachedPromptTokens },
    };

    /// <summary>How fast they were, as llama-server says it: clients see pieces in the bursts that the network makes of them.</summary>
    private static JsonObject TimingsOf(GenerationResult result) => new()
    {
        ["cache_n"] = result.CachedPromptTokens,
        ["prompt_n"] = result.PromptTokens - result.CachedPromptTokens,
        ["prompt_per_second"] = Finite(result.PromptTokensPerSecond),
        ["predicted_n"] = result.Tokens.Count,
        ["predicted_per_second"] = Finite(result.TokensPerSecond),
    };

    private static double Finite(double rate) => double.IsFinite(rate) ? rate : 0;

    protected static string Reason(FinishReason reason) => reason switch
    {
        FinishReason.Length => "length",
        FinishReason.ToolCalls => "tool_calls",
        _ => "stop",
    };

    /// <param name="kind">What <c>object</c> says.</param>
    /// <param name="choices">The choices, or pieces of them.</param>
    /// <param name="result">The answer whose usage and speed are told; null where they are not.</param>
    protected JsonObject Envelope(string kind, JsonArray choices, GenerationResult? result)
    {
        var json = new JsonObject { ["id"] = _id, ["object"] = kind, ["created"] = now.ToUnixTimeSeconds(), ["model"] = model, ["choices"] = choices };
        if (result is not null)
        {
            json["usage"] = UsageOf(result);
            json["timings"] = TimingsOf(result);
        }
        return json;
    }
}
