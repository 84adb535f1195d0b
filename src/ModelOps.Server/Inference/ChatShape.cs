using System.Text.Json.Nodes;

namespace ModelOps.Server.Inference;

/// <summary>Answers of <c>/v1/chat/completions</c>. Reasoning goes beside the content, as DeepSeek, vLLM and llama.cpp have it.</summary>
internal sealed class ChatShape(string model, DateTimeOffset now) : AnswerShape("chatcmpl", model, now)
{
    private const string Reasoning = "reasoning_content";

    protected override string StreamObject => "chat.completion.chunk";

    public override JsonObject Whole(Ask ask, GenerationResult result)
    {
        IReadOnlyList<ToolCall> calls = Calls(ask, result);
        var message = new JsonObject
        {
            ["role"] = "assistant",
            // A call that was cut off is no content either.
            ["content"] = ask.Forced is not null || (calls.Count > 0 && result.Text.Length == 0) ? null : result.Text,
            ["refusal"] = null,
        };
        if (result.Reasoning is not null)
            message[Reasoning] = result.Reasoning;
        if (calls.Count > 0)
            message["tool_calls"] = new JsonArray([.. calls.Select(Call)]);
        var choice = new JsonObject { ["index"] = 0, ["message"] = message, ["logprobs"] = null, ["finish_reason"] = Reason(ask, result, calls) };
        return Envelope("chat.completion", [choice], result);
    }

    public override JsonObject Begin(Ask ask) => Chunk(new JsonObject { ["role"] = "assistant", ["content"] = ask.Forced is null ? "" : null }, null);

    public override JsonObject Piece(string text, bool isReasoning) => Chunk(new JsonObject { [isReasoning ? Reasoning : "content"] = text }, null);

    public override IEnumerable<JsonObject> End(Ask ask, GenerationResult result)
    {
        IReadOnlyList<ToolCall> calls = Calls(ask, result);
        for (int i = 0; i < calls.Count; i++)
        {
            JsonObject call = Call(calls[i]);
            call.Insert(0, "index", i);
            yield return Chunk(new JsonObject { ["tool_calls"] = new JsonArray(call) }, null);
        }
        yield return Chunk([], Reason(ask, result, calls));
    }

    private static IReadOnlyList<ToolCall> Calls(Ask ask, GenerationResult result)
        => ask.Forced is null ? result.ToolCalls : ForcedCall.Read(result.Text) is { } call ? [call] : [];

    private static string Reason(Ask ask, GenerationResult result, IReadOnlyList<ToolCall> calls)
        => ask.Forced is not null && calls.Count > 0 ? "tool_calls" : Reason(result.FinishReason);

    private static JsonObject Call(ToolCall call) => new()
    {
        ["id"] = call.Id,
        ["type"] = "function",
        ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = call.Arguments },
    };

    private JsonObject Chunk(JsonObject delta, string? reason)
        => Envelope(StreamObject, [new JsonObject { ["index"] = 0, ["delta"] = delta, ["logprobs"] = null, ["finish_reason"] = reason }], null);
}
