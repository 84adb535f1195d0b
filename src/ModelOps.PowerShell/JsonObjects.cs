using System.Collections;
using System.Management.Automation;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelOps.PowerShell;

/// <summary>JSON as PowerShell's objects and back, as ConvertFrom-Json and ConvertTo-Json have them: those live in a module that need not be loaded.</summary>
internal static class JsonObjects
{
    private const int Deepest = 100;

    public static object? Read(string json)
    {
        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 1024 });
        return Of(document.RootElement);
    }

    /// <summary>A hashtable, list, object or value as JSON.</summary>
    public static JsonNode? From(object? value, int depth = 0)
    {
        if (depth > Deepest)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The schema is more than {Deepest} levels deep.");
        }
        if (value is PSObject { BaseObject: not PSCustomObject } wrapped)
        {
            value = wrapped.BaseObject;
        }
        switch (value)
        {
            case null:
                return null;
            case IDictionary dictionary:
                var map = new JsonObject();
                foreach (DictionaryEntry entry in dictionary)
                {
                    map[entry.Key.ToString() ?? ""] = From(entry.Value, depth + 1);
                }
                return map;
            case PSObject custom:
                var members = new JsonObject();
                foreach (var property in custom.Properties)
                {
                    members[property.Name] = From(property.Value, depth + 1);
                }
                return members;
            case string or bool or int or long or double or decimal:
                return JsonSerializer.SerializeToNode(value);
            case IEnumerable list:
                return new JsonArray([.. list.Cast<object?>().Select(item => From(item, depth + 1))]);
            default:
                return JsonValue.Create(Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    private static object? Of(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var item = new PSObject();
                foreach (var property in element.EnumerateObject())
                {
                    // Of a name that comes twice the last holds, as in ConvertFrom-Json -AsHashtable; names differ by case at will there, here the first is kept.
                    if (item.Properties[property.Name] is { } existing)
                    {
                        existing.Value = Of(property.Value);
                    }
                    else
                    {
                        item.Properties.Add(new PSNoteProperty(property.Name, Of(property.Value)));
                    }
                }
                return item;
            case JsonValueKind.Array:
                return element.EnumerateArray().Select(Of).ToArray();
            case JsonValueKind.Number:
                // A schema's integer may be written 37.0 as well.
                return element.TryGetInt64(out var whole) ? (object)whole
                    : element.GetDouble() is var number && number == Math.Floor(number) && Math.Abs(number) < 1L << 53 ? (object)(long)number : number;
            case JsonValueKind.String:
                return element.GetString();
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            default:
                return null;
        }
    }
}
