using System.Text.Json.Nodes;

namespace ModelOps.Server.Inference;

/// <summary>Answers of <c>/v1/completions</c>.</summary>
internal sealed class CompletionShape(string model, DateTimeOffset now) : AnswerShape("cmpl", model, now)
{
    protected override string StreamObject => "text_completion";

    public override JsonObject Whole(Ask ask, GenerationResult result)
        => Envelope(StreamObject, [Choice((ask.Echo ? ask.Request.Prompt : "") + result.Text, Reason(result.FinishReason))], result);

    public override JsonObject? Begin(Ask ask) => ask.Echo ? Piece(ask.Request.Prompt, false) : null;

    public override JsonObject Piece(string text, bool isReasoning) => Envelope(StreamObject, [Choice(text, null)], null);

    public override IEnumerable<JsonObject> End(Ask ask, GenerationResult result) => [Envelope(StreamObject, [Choice("", Reason(result.FinishReason))], null)];

    private static JsonObject Choice(string text, string? reason) => new() { ["text"] = text, ["index"] = 0, ["logprobs"] = null, ["finish_reason"] = reason };
}
