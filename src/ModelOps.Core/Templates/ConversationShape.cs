using System.Text.Json;

namespace ModelOps.Templates;

/// <summary>Turns and tools in the shape that chat templates expect: that of OpenAI's API as transformers hands it on, arguments as an object.</summary>
internal static class ConversationShape
{
    /// <summary>A turn: role and content always, the rest where it is there, as templates ask whether it is.</summary>
    public static IEnumerable<(string Key, object? Value)> Of(ChatMessage message)
    {
        yield return ("role", message.Role);
        yield return ("content", message.Content);
        if (message.Reasoning is not null)
            yield return ("reasoning_content", message.Reasoning);
        if (message.ToolCalls is { Count: > 0 } calls)
            yield return ("tool_calls", calls.Select(Of).ToList());
        if (message.ToolCallId is not null)
            yield return ("tool_call_id", message.ToolCallId);
        if (message.Name is not null)
            yield return ("name", message.Name);
    }

    /// <summary>A tool, in OpenAI's form.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when its parameters are not a JSON object.</exception>
    public static Dictionary<string, object?> Of(ToolDefinition tool)
    {
        var function = new Dictionary<string, object?> { ["name"] = tool.Name };
        if (tool.Description is not null)
            function["description"] = tool.Description;
        function["parameters"] = ReadObject(tool.Parameters)
            ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"The parameters of the tool '{tool.Name}' are no JSON object.", "Give a JSON schema: {\"type\":\"object\",\"properties\":{…}}.");
        return new() { ["type"] = "function", ["function"] = function };
    }

    private static Dictionary<string, object?> Of(ToolCall call) => new()
    {
        ["id"] = call.Id,
        ["type"] = "function",
        // What a model wrote wrongly is told back to it as it was.
        ["function"] = new Dictionary<string, object?> { ["name"] = call.Name, ["arguments"] = ReadObject(call.Arguments) ?? (object)call.Arguments },
    };

    private static JsonElement? ReadObject(string json)
    {
        try
        {
            var element = JsonElement.Parse(json);
            return element.ValueKind == JsonValueKind.Object ? element : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
