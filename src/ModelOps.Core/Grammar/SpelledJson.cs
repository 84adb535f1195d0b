using System.Text.Encodings.Web;
using System.Text.Json;

namespace ModelOps.Grammar;

/// <summary>JSON in one spelling, letters as they are; and what is the same in two values that JSON Schema takes for equal.</summary>
internal static class SpelledJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(JsonElement element)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Options))
            element.WriteTo(writer);
        return System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The same for equal values: 1 is 1.0, and members have no order.</summary>
    public static string Key(string json)
    {
        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = SchemaDocument.Deepest });
        return Key(document.RootElement);
    }

    private static string Key(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "{" + string.Join(',', element.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal).Select(member => $"{JsonGrammar.Spell(member.Name)}\":{Key(member.Value)}")) + "}",
        JsonValueKind.Array => "[" + string.Join(',', element.EnumerateArray().Select(Key)) + "]",
        JsonValueKind.Number => NumberBound.Parse(element.GetRawText(), true) is { } number ? $"{number.Value}e-{number.Scale}" : element.GetRawText(),
        _ => Of(element),
    };
}
