using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelOps.Chat.Calls;

/// <summary>The tools of a request: which names are known, and which arguments are text.</summary>
internal sealed class ToolBox
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly Dictionary<string, JsonObject?> _properties = new(StringComparer.Ordinal);

    public ToolBox(IEnumerable<ToolDefinition> tools)
    {
        foreach (ToolDefinition tool in tools)
        {
            _properties[tool.Name] = Parse(tool.Parameters) is JsonObject schema ? schema["properties"] as JsonObject : null;
        }
    }

    /// <summary>A call with arguments that are JSON already; null for a tool that is not known.</summary>
    public ToolCall? Call(string name, JsonNode? arguments, string? id = null) => _properties.ContainsKey(name) && arguments is null or JsonObject
        ? new ToolCall(string.IsNullOrEmpty(id) ? NewId() : id, name, arguments?.ToJsonString(Readable) ?? "{}")
        : null;

    /// <summary>A call whose arguments came as text, each on its own: the schema says which are meant as such.</summary>
    public ToolCall? Call(string name, IEnumerable<(string Key, string Text, bool? IsText)> arguments)
    {
        JsonObject values = [];
        foreach (var (key, text, isText) in arguments)
        {
            values[key] = isText ?? IsText(name, key) ? JsonValue.Create(text) : TryParse(Unpythonic(text), out JsonNode? value) ? value : JsonValue.Create(text);
        }
        return Call(name, values);
    }

    // Templates print what is not text as Python does, so their models write it.
    private static string Unpythonic(string text) => text.Trim() switch
    {
        "True" => "true",
        "False" => "false",
        "None" => "null",
        _ => text,
    };

    /// <summary>JSON that a model wrote; null where it is not valid, or null.</summary>
    public static JsonNode? Parse(string json) => TryParse(json, out JsonNode? node) ? node : null;

    private static bool TryParse(string json, out JsonNode? node)
    {
        node = null;
        try
        {
            node = JsonNode.Parse(json, documentOptions: new() { AllowDuplicateProperties = false });
            // Half a surrogate pair is found when its text is first looked into.
            _ = node?.ToJsonString();
            return true;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            node = null;
            return false;
        }
    }

    private bool IsText(string name, string key) => _properties.GetValueOrDefault(name)?[key] is JsonObject schema
        && (schema["type"] is JsonValue type && type.TryGetValue(out string? only) ? only == "string"
            : schema["enum"] is JsonArray { Count: > 0 } values && values.All(value => value?.GetValueKind() == JsonValueKind.String));

    // Nine letters or digits: Mistral's templates refuse any other id.
    private static string NewId() => RandomNumberGenerator.GetString(Letters, 9);
}
