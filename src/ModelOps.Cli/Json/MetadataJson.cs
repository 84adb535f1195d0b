using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps.Cli.Json;

/// <summary>An array that was left out of metadata because it is long, such as a vocabulary.</summary>
/// <param name="Count">Number of elements.</param>
/// <param name="Type">Type of the elements, in GGUF's words.</param>
internal sealed record LongArray(int Count, string Type);

/// <summary>Metadata for output: the arrays of a vocabulary are shortened unless all is asked for.</summary>
internal static class MetadataSummary
{
    /// <summary>Longest array that is shown whole.</summary>
    public const int LongestArray = 64;

    /// <summary>The same metadata with every array of more than <see cref="LongestArray"/> elements replaced by its length and type.</summary>
    public static GgufMetadata Shorten(IReadOnlyDictionary<string, object> metadata)
    {
        var result = new GgufMetadata();
        foreach (var (key, value) in metadata)
        {
            result.Set(key, Shorten(value));
        }
        return result;
    }

    private static object Shorten(object value) => value switch
    {
        Array { Length: > LongestArray } array => new LongArray(array.Length, ElementType(array.GetType().GetElementType()!)),
        JsonElement { ValueKind: JsonValueKind.Array } element when element.GetArrayLength() > LongestArray
            => new LongArray(element.GetArrayLength(), element[0].ValueKind.ToString().ToLowerInvariant()),
        ICollection { Count: > LongestArray } list and not IDictionary => new LongArray(list.Count, "value"),
        _ => value,
    };

    /// <summary>GGUF's name of an element type.</summary>
    public static string ElementType(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => "uint8",
        TypeCode.SByte => "int8",
        TypeCode.UInt16 => "uint16",
        TypeCode.Int16 => "int16",
        TypeCode.UInt32 => "uint32",
        TypeCode.Int32 => "int32",
        TypeCode.UInt64 => "uint64",
        TypeCode.Int64 => "int64",
        TypeCode.Single => "float32",
        TypeCode.Double => "float64",
        TypeCode.Boolean => "bool",
        TypeCode.String => "string",
        _ => "value",
    };
}

/// <summary>Writes and reads metadata, whose values are boxed numbers, strings, booleans, arrays of them, or JSON of a config.json.</summary>
internal sealed class MetadataConverter<T> : JsonConverter<T>
    where T : class, IReadOnlyDictionary<string, object>
{
    /// <summary>Numbers come back as long or double and lists as JSON: which of GGUF's types they had, JSON does not keep.</summary>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        var metadata = new GgufMetadata();
        foreach (var entry in document.RootElement.EnumerateObject())
        {
            metadata.Set(entry.Name, entry.Value.ValueKind switch
            {
                JsonValueKind.String => entry.Value.GetString()!,
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.Number => entry.Value.TryGetInt64(out var number) ? (object)number : entry.Value.GetDouble(),
                _ => entry.Value.Clone(),
            });
        }
        return (T)(object)metadata;
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (key, item) in value)
        {
            writer.WritePropertyName(key);
            WriteValue(writer, item);
        }
        writer.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null: writer.WriteNullValue(); break;
            case string text: writer.WriteStringValue(text); break;
            case bool flag: writer.WriteBooleanValue(flag); break;
            case float number when float.IsFinite(number): writer.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): writer.WriteNumberValue(number); break;
            case float or double: writer.WriteStringValue(FormattableString.Invariant($"{value}")); break; // JSON has no NaN
            case ulong number: writer.WriteNumberValue(number); break;
            case byte or sbyte or short or ushort or int or uint or long: writer.WriteNumberValue(Convert.ToInt64(value)); break;
            case decimal number: writer.WriteNumberValue(number); break;
            case JsonElement element: element.WriteTo(writer); break;
            case LongArray array:
                writer.WriteStartObject();
                writer.WriteNumber("count", array.Count);
                writer.WriteString("type", array.Type);
                writer.WriteEndObject();
                break;
            case IReadOnlyDictionary<string, object> map:
                writer.WriteStartObject();
                foreach (var (key, item) in map)
                {
                    writer.WritePropertyName(key);
                    WriteValue(writer, item);
                }
                writer.WriteEndObject();
                break;
            case IEnumerable items:
                writer.WriteStartArray();
                foreach (var item in items)
                {
                    WriteValue(writer, item);
                }
                writer.WriteEndArray();
                break;
            default: throw new NotSupportedException($"Metadata of type {value.GetType()} cannot be written as JSON.");
        }
    }
}
