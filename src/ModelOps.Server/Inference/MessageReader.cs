using System.Text.Json;

namespace ModelOps.Server.Inference;

/// <summary>Turns OpenAI's messages into those of a conversation.</summary>
internal static class MessageReader
{
    private const string Name = "messages";

    /// <param name="fields">The request.</param>
    /// <param name="most">Characters of all texts together, at most.</param>
    public static IReadOnlyList<ChatMessage> Read(Fields fields, int most)
    {
        List<ChatMessage> messages = [.. (fields.List(Name) ?? throw Fields.Missing(Name)).Select(item => Message(Fields.Object(item.Value, item.Path), item.Path))];
        if (messages.Count == 0)
            throw new ApiException(ApiError.BadRequest("'messages' has no message.", Name));
        RequireLength(messages.Sum(Length), most, Name);
        return messages;
    }

    /// <summary>Refuses texts that are too long together.</summary>
    public static void RequireLength(long length, int most, string parameter)
    {
        if (length > most)
            throw new ApiException(ApiError.BadRequest($"The text has {length} characters; this server takes {most} at most.", parameter, "prompt_too_long"));
    }

    private static long Length(ChatMessage message) => (long)message.Content.Length + (message.Reasoning?.Length ?? 0) + (message.ToolCalls?.Sum(call => (long)call.Arguments.Length) ?? 0);

    private static ChatMessage Message(Fields fields, string path)
    {
        string role = fields.RequireText("role");
        string? content = Content(fields, path);
        switch (role)
        {
            case "system" or "developer":
                return new ChatMessage("system", content ?? throw Fields.Missing($"{path}.content"));
            case "user":
                return new ChatMessage(role, content ?? throw Fields.Missing($"{path}.content")) { Name = fields.Text("name") };
            case "assistant":
                IReadOnlyList<ToolCall>? calls = fields.List("tool_calls")?.Select(item => Call(Fields.Object(item.Value, item.Path))).ToList();
                if (content is null && calls is null or { Count: 0 } && fields.Text("refusal") is null)
                    throw Fields.Missing($"{path}.content");
                return new ChatMessage(role, content ?? fields.Text("refusal") ?? "") { ToolCalls = calls, Reasoning = fields.Text("reasoning_content"), Name = fields.Text("name") };
            case "tool":
                return new ChatMessage(role, content ?? throw Fields.Missing($"{path}.content")) { ToolCallId = fields.RequireText("tool_call_id"), Name = fields.Text("name") };
            default:
                throw new ApiException(ApiError.BadRequest($"'{role}' is no role: there are system, developer, user, assistant and tool.", $"{path}.role"));
        }
    }

    private static ToolCall Call(Fields fields)
    {
        Fields function = fields.Object("function") ?? throw Fields.Missing(fields.Path + "function");
        return new ToolCall(fields.RequireText("id"), function.RequireText("name"), function.Text("arguments") is { Length: > 0 } arguments ? arguments : "{}");
    }

    private static string? Content(Fields fields, string path) => fields.Find("content") switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => Fields.Text(text, $"{path}.content"),
        { ValueKind: JsonValueKind.Array } => string.Join('\n', fields.List("content")!.Select(item => Part(Fields.Object(item.Value, item.Path), item.Path))),
        { } other => throw Fields.Wrong($"{path}.content", "a string or an array of parts", other),
    };

    private static string Part(Fields fields, string path) => fields.RequireText("type") switch
    {
        "text" => fields.RequireText("text"),
        "refusal" => fields.RequireText("refusal"),
        var type => throw new ApiException(ApiError.BadRequest($"This server reads text only, not parts of type '{type}'.", $"{path}.type", "unsupported_content")),
    };
}
