using System.Text.Json;

namespace ModelOps.Server.Inference;

/// <summary>The tools of a request, and what is said of their use.</summary>
/// <param name="Tools">Tools that the model is told of in its family's way; none when it may not choose to call any.</param>
/// <param name="Forced">Set when it must call one.</param>
internal sealed record ToolWish(IReadOnlyList<ToolDefinition> Tools, ForcedCall? Forced);

/// <summary>Reads <c>tools</c> and <c>tool_choice</c>.</summary>
internal static class ToolReader
{
    private const string Choice = "tool_choice";
    // A function without parameters takes none.
    private const string NoParameters = """{"type":"object","properties":{}}""";

    public static ToolWish Read(Fields fields)
    {
        List<ToolDefinition> tools = [.. (fields.List("tools") ?? []).Select(item => Tool(Fields.Object(item.Value, item.Path)))];
        if (tools.Select(tool => tool.Name).Distinct(StringComparer.Ordinal).Count() < tools.Count)
            throw new ApiException(ApiError.BadRequest("Two tools have the same name.", "tools"));
        switch (fields.Find(Choice))
        {
            case null:
                return new ToolWish(tools, null);
            case { ValueKind: JsonValueKind.String } word:
                return Fields.Text(word, Choice) switch
                {
                    "none" => new ToolWish([], null),
                    "auto" => new ToolWish(tools, null),
                    "required" => new ToolWish([], ForcedCall.Of(RequireTools(tools))),
                    var other => throw new ApiException(ApiError.BadRequest($"'{Choice}' is none, auto, required or a function, not '{other}'.", Choice)),
                };
            case { ValueKind: JsonValueKind.Object } choice:
                string name = (Fields.Object(choice, Choice).Object("function") ?? throw Fields.Missing($"{Choice}.function")).RequireText("name");
                ToolDefinition chosen = tools.Find(tool => tool.Name == name) ?? throw new ApiException(ApiError.BadRequest($"There is no tool '{name}' to be called.", Choice));
                return new ToolWish([], ForcedCall.Of([chosen]));
            case { } other:
                throw Fields.Wrong(Choice, "a string or an object", other);
        }
    }

    private static List<ToolDefinition> RequireTools(List<ToolDefinition> tools)
        => tools.Count > 0 ? tools : throw new ApiException(ApiError.BadRequest($"'{Choice}' asks for a call, but there are no tools.", Choice));

    private static ToolDefinition Tool(Fields fields)
    {
        if (fields.RequireText("type") is not "function" and var type)
            throw new ApiException(ApiError.BadRequest($"This server knows tools of type 'function' only, not '{type}'.", fields.Path + "type", "unsupported_value"));
        Fields function = fields.Object("function") ?? throw Fields.Missing(fields.Path + "function");
        return new ToolDefinition(function.RequireText("name"), function.Text("description"), Parameters(function));
    }

    // What reads it later, a grammar or a template, takes no name twice; here it can be said where it stands.
    private static string Parameters(Fields function)
    {
        const string Name = "parameters";
        if (function.Object(Name) is not { } parameters)
            return NoParameters;
        string schema = parameters.Json.GetRawText();
        try
        {
            using JsonDocument _ = JsonDocument.Parse(schema, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return schema;
        }
        catch (JsonException e)
        {
            throw new ApiException(ApiError.BadRequest($"'{function.Path}{Name}' is no JSON schema: {e.Message}", function.Path + Name, "invalid_schema"));
        }
    }
}
