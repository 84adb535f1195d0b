using System.Text.Json;

namespace ModelOps.Templates;

/// <summary>
/// Turns and tools in the shape that chat templates expect: that of OpenAI's API as transformers hands it on, with arguments as an object. What families want differently
/// is told by the members.
/// </summary>
internal sealed record ConversationShape
{
    /// <summary>The shape that most templates expect.</summary>
    public static ConversationShape Plain { get; } = new();

    /// <summary>Arguments of calls as JSON text.</summary>
    public bool ArgumentsAsText { get; init; }
    /// <summary>Content as a list of parts.</summary>
    public bool ContentAsParts { get; init; }
    /// <summary>Reasoning as the first part of the content.</summary>
    public bool ReasoningAsPart { get; init; }
    /// <summary>Names for the reasoning beside <c>reasoning_content</c>.</summary>
    public IReadOnlyList<string> ReasoningKeys { get; init; } = [];
    /// <summary>No content where there are thoughts and calls.</summary>
    public bool CallsWithoutContent { get; init; }
    /// <summary>What tools answered as <c>tool_responses</c> of the turn that called them: Gemma 4's first templates.</summary>
    public bool ResponsesInCalls { get; init; }

    /// <summary>The turns of a conversation.</summary>
    public List<Dictionary<string, object?>> Of(IReadOnlyList<ChatMessage> messages)
    {
        List<Dictionary<string, object?>> turns = [];
        for (int i = 0; i < messages.Count; i++)
        {
            Dictionary<string, object?> turn = Of(messages[i]);
            turns.Add(turn);
            if (!ResponsesInCalls || messages[i].ToolCalls is not { Count: > 0 } calls)
            {
                continue;
            }
            List<Dictionary<string, object?>> responses = [];
            for (; i + 1 < messages.Count && messages[i + 1].Role == "tool"; i++)
            {
                ChatMessage answer = messages[i + 1];
                string? name = calls.FirstOrDefault(call => call.Id == answer.ToolCallId)?.Name ?? answer.Name ?? calls.ElementAtOrDefault(responses.Count)?.Name;
                responses.Add(new() { ["name"] = name ?? answer.ToolCallId, ["response"] = ReadObject(answer.Content) ?? (object)answer.Content });
            }
            if (responses.Count > 0)
            {
                turn["tool_responses"] = responses;
            }
            // The same turn goes on with the answer.
            if (responses.Count > 0 && i + 1 < messages.Count && messages[i + 1] is { Role: "assistant", ToolCalls: null or { Count: 0 }, Content.Length: > 0 } next)
            {
                turn["content"] = next.Content;
                i++;
            }
        }
        return turns;
    }

    /// <summary>A turn: role and content always, the rest where it is there, as templates ask whether it is.</summary>
    public Dictionary<string, object?> Of(ChatMessage message)
    {
        bool isPart = ReasoningAsPart && (message.Role is "assistant" or "system");
        Dictionary<string, object?> turn = new() { ["role"] = message.Role, ["content"] = Content(message, isPart) };
        if (message.Reasoning is not null && !isPart)
        {
            turn["reasoning_content"] = message.Reasoning;
            foreach (string key in ReasoningKeys)
            {
                turn[key] = message.Reasoning;
            }
        }
        if (message.ToolCalls is { Count: > 0 } calls)
        {
            turn["tool_calls"] = calls.Select(Of).ToList();
            if (CallsWithoutContent && message.Reasoning is not null)
            {
                turn.Remove("content");
            }
        }
        if (message.ToolCallId is not null)
        {
            turn["tool_call_id"] = message.ToolCallId;
        }
        if (message.Name is not null)
        {
            turn["name"] = message.Name;
        }
        return turn;
    }

    /// <summary>A tool, in OpenAI's form.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when its parameters are not a JSON object.</exception>
    public static Dictionary<string, object?> Tool(ToolDefinition tool)
    {
        Dictionary<string, object?> function = new() { ["name"] = tool.Name };
        if (tool.Description is not null)
        {
            function["description"] = tool.Description;
        }
        function["parameters"] = ReadObject(tool.Parameters)
            ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"The parameters of the tool '{tool.Name}' are no JSON object.", "Give a JSON schema: {\"type\":\"object\",\"properties\":{…}}.");
        return new() { ["type"] = "function", ["function"] = function };
    }

    private object Content(ChatMessage message, bool isPart)
    {
        if (!ContentAsParts && !isPart)
        {
            return message.Content;
        }
        List<Dictionary<string, object?>> parts = [];
        if (isPart && message.Reasoning is not null)
        {
            parts.Add(new() { ["type"] = "thinking", ["thinking"] = message.Reasoning });
        }
        if (message.Content.Length > 0 || parts.Count == 0)
        {
            parts.Add(new() { ["type"] = "text", ["text"] = message.Content });
        }
        return parts;
    }

    private Dictionary<string, object?> Of(ToolCall call) => new()
    {
        ["id"] = call.Id,
        ["type"] = "function",
        // What a model wrote wrongly is told back to it as it was.
        ["function"] = new Dictionary<string, object?> { ["name"] = call.Name, ["arguments"] = ArgumentsAsText ? call.Arguments : ReadObject(call.Arguments) ?? (object)call.Arguments },
    };

    private static JsonElement? ReadObject(string json)
    {
        try
        {
            JsonElement element = JsonElement.Parse(json);
            return element.ValueKind == JsonValueKind.Object ? element : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
