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
    public JsonObject Usage(GenerationResult result) => Envelope(StreamObject, [], UsageOf(result));

    /// <summary>What <c>object</c> says of pieces.</summary>
    protected abstract string StreamObject { get; }

    /// <summary>Tokens that were read and written.</summary>
    protected static JsonObject UsageOf(GenerationResult result) => new()
    {
        ["prompt_tokens"] = result.PromptTokens,
        ["completion_tokens"] = result.Tokens.Count,
        ["total_tokens"] = result.PromptTokens + result.Tokens.Count,
        ["prompt_tokens_details"] = new JsonObject { ["cached_tokens"] = result.CachedPromptTokens },
    };

    protected static string Reason(FinishReason reason) => reason switch
    {
        FinishReason.Length => "length",
        FinishReason.ToolCalls => "tool_calls",
        _ => "stop",
    };

    protected JsonObject Envelope(string kind, JsonArray choices, JsonObject? usage)
    {
        var json = new JsonObject { ["id"] = _id, ["object"] = kind, ["created"] = now.ToUnixTimeSeconds(), ["model"] = model, ["choices"] = choices };
        if (usage is not null)
            json["usage"] = usage;
        return json;
    }
}
