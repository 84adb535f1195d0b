namespace ModelOps.Chat;

/// <summary>A piece of what a model wrote: some text of its answer or of its reasoning, or a call of a tool.</summary>
internal readonly record struct AnswerPart(string Text, bool IsReasoning = false, ToolCall? Call = null);
