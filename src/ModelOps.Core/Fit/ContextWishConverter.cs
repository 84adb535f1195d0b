using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps;

/// <summary>A <see cref="ContextWish"/> in JSON: a number, or the word that stands for the largest.</summary>
public sealed class ContextWishConverter : JsonConverter<ContextWish>
{
    /// <inheritdoc/>
    public override ContextWish Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => reader.TokenType == JsonTokenType.Number ? reader.GetInt32() : ContextWish.Parse(reader.GetString() ?? "");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, ContextWish value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
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
