namespace ModelOps;

/// <summary>A turn of a conversation.</summary>
/// <param name="Role"><c>system</c>, <c>user</c>, <c>assistant</c>, or <c>tool</c> for what a tool answered.</param>
/// <param name="Content">What was said; empty where an assistant only called tools.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>What the assistant thought before it answered, where its family tells that apart.</summary>
    public string? Reasoning { get; init; }
    /// <summary>The tools that the assistant called.</summary>
    public IReadOnlyList<ToolCall>? ToolCalls { get; init; }
    /// <summary>In a <c>tool</c> turn: <see cref="ToolCall.Id"/> of the call that is answered.</summary>
    public string? ToolCallId { get; init; }
    /// <summary>Who speaks; in a <c>tool</c> turn, the tool.</summary>
    public string? Name { get; init; }
}
