using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps.Cli.Json;

/// <summary>A context as it is written on the command line: a number, or <c>"max"</c>.</summary>
internal sealed class ContextWishConverter : JsonConverter<ContextWish>
{
    public override ContextWish Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => reader.TokenType == JsonTokenType.Number ? reader.GetInt32() : ContextWish.Parse(reader.GetString() ?? "");

    public override void Write(Utf8JsonWriter writer, ContextWish value, JsonSerializerOptions options)
    {
        if (value.Length is { } length)
        {
            writer.WriteNumberValue(length);
        }
        else
        {
            writer.WriteStringValue(value.ToString());
        }
    }
}
