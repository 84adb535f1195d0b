using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelOps.Chat.Calls;

/// <summary>
/// Calls in JSON: objects, one after the other or in an array, with <c>name</c> and <c>arguments</c> (Hermes, Qwen, Granite, Mistral), <c>parameters</c> (Llama 3),
/// <c>tool_name</c> (Command R), inside <c>function</c> (OpenAI), or with the name as the key (Apertus).
/// </summary>
internal sealed class JsonCalls : IToolCallReader
{
    public IReadOnlyList<ToolCall>? Read(string section, ToolBox tools)
    {
        List<ToolCall> calls = [];
        foreach (JsonNode value in Values(section) ?? [])
        {
            foreach (JsonNode? item in value is JsonArray array ? array.ToList() : [value])
            {
                if (item is not JsonObject call || One(call, tools) is not { } read)
                {
                    return null;
                }
                calls.Add(read);
            }
        }
        return calls.Count > 0 ? calls : null;
    }

    public bool IsCut(string section)
    {
        // The reader that is told that more may come complains of what is wrong, not of what is missing.
        Utf8JsonReader reader = new(Encoding.UTF8.GetBytes(section), isFinalBlock: false, default);
        try
        {
            while (reader.Read())
            {
                if (reader.CurrentDepth == 0 && reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray)
                {
                    return false;
                }
            }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static ToolCall? One(JsonObject call, ToolBox tools)
    {
        if (call["function"] is JsonObject function)
        {
            return One(function, tools) is { } inner ? Text(call["id"]) is { } given ? inner with { Id = given } : inner : null;
        }
        JsonNode? arguments = call["arguments"] ?? call["parameters"];
        if ((Text(call["name"]) ?? Text(call["tool_name"])) is { } name)
        {
            // Some write the arguments as a text that holds JSON.
            return tools.Call(name, Text(arguments) is { } text ? ToolBox.Parse(text) ?? JsonValue.Create(text) : arguments, Text(call["id"]) ?? Text(call["tool_call_id"]));
        }
        return call.Count == 1 && call.First() is { Value: JsonObject } pair ? tools.Call(pair.Key, pair.Value) : null;
    }

    /// <summary>Values that follow each other with nothing but space, commas or semicolons between them.</summary>
    private static List<JsonNode>? Values(string section)
    {
        List<JsonNode> values = [];
        byte[] utf8 = Encoding.UTF8.GetBytes(section);
        int at = 0;
        while (true)
        {
            while (at < utf8.Length && utf8[at] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t' or (byte)';' or (byte)',')
            {
                at++;
            }
            if (at == utf8.Length)
            {
                return values;
            }
            Utf8JsonReader reader = new(utf8.AsSpan(at));
            try
            {
                reader.Read();
                reader.Skip();
            }
            catch (JsonException)
            {
                return null;
            }
            if (ToolBox.Parse(Encoding.UTF8.GetString(utf8, at, (int)reader.BytesConsumed)) is not { } value)
            {
                return null;
            }
            values.Add(value);
            at += (int)reader.BytesConsumed;
        }
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
