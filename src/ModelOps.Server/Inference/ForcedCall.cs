using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelOps.Server.Inference;

/// <summary>
/// A call that the model must make: its whole answer is then one under a grammar, a JSON object of the tool's name and its arguments, so that every model can call,
/// whatever its family's own way of writing calls, and those too whose templates know no tools.
/// </summary>
/// <param name="Grammar">Grammar of the answer.</param>
/// <param name="Instruction">What the model is told of the tools and of the way to call them.</param>
internal sealed record ForcedCall(string Grammar, string Instruction)
{
    private const string System = "system";
    private const string Name = "name";
    private const string Arguments = "arguments";

    /// <summary>The call of one of some tools.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidSchema"/>.</exception>
    public static ForcedCall Of(IReadOnlyList<ToolDefinition> tools)
    {
        JsonNode schema = tools.Count == 1 ? Schema(tools[0], "#") : new JsonObject { ["anyOf"] = new JsonArray([.. tools.Select((tool, index) => Schema(tool, $"#/anyOf/{index}"))]) };
        return new ForcedCall(JsonSchemaGrammar.FromSchema(schema.ToJsonString()),
            $"Call {(tools.Count == 1 ? "this function" : "one of these functions")}: answer with a JSON object {{\"name\": …, \"arguments\": {{…}}}} and nothing else.{string.Concat(tools.Select(Describe))}");
    }

    /// <summary>A conversation with the instruction in its system message.</summary>
    public IReadOnlyList<ChatMessage> Tell(IReadOnlyList<ChatMessage> messages) => messages[0].Role == System
        ? [messages[0] with { Content = $"{messages[0].Content}\n\n{Instruction}" }, .. messages.Skip(1)]
        : [new ChatMessage(System, Instruction), .. messages];

    /// <summary>The call in an answer; null when it was cut off before it was whole.</summary>
    public static ToolCall? Read(string answer)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            return new ToolCall($"call_{Guid.NewGuid():N}", document.RootElement.GetProperty(Name).GetString()!, document.RootElement.GetProperty(Arguments).GetRawText());
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Describe(ToolDefinition tool) => $"\n* {tool.Name}{(tool.Description is null ? "" : $": {tool.Description}")} Arguments: {tool.Parameters}";

    private static JsonNode Schema(ToolDefinition tool, string place)
    {
        JsonNode parameters = JsonNode.Parse(tool.Parameters)!;
        Move(parameters, $"{place}/properties/{Arguments}");
        return new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject { [Name] = new JsonObject { ["const"] = tool.Name }, [Arguments] = parameters },
            ["required"] = new JsonArray(Name, Arguments),
            ["additionalProperties"] = false,
        };
    }

    /// <summary>References count from the root of the schema, which is another now.</summary>
    private static void Move(JsonNode? schema, string root)
    {
        const string Reference = "$ref";
        if (schema is JsonArray items)
        {
            foreach (JsonNode? item in items)
                Move(item, root);
        }
        else if (schema is JsonObject members)
        {
            if (members[Reference] is JsonValue value && value.TryGetValue(out string? pointer) && pointer.StartsWith('#'))
                members[Reference] = root + pointer[1..];
            foreach ((_, JsonNode? member) in members)
                Move(member, root);
        }
    }
}
