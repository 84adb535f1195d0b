using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelOps.Templates;

/// <summary>
/// Brings the caller's objects into the closed set of <see cref="Value"/>: what JSON can hold, as dictionaries and lists or as JSON itself.
/// Everything is copied, so a template cannot change what it was given.
/// </summary>
internal sealed class ValueConverter(Interpreter interpreter)
{
    private const int MostLevels = 128;

    public Value Convert(object? value, int depth = 0)
    {
        if (depth > MostLevels)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A template variable is nested deeper than {MostLevels} levels.");
        interpreter.Budget.Step();
        return value switch
        {
            null => NoneValue.Instance,
            string text => new StringValue(text),
            bool flag => BoolValue.Of(flag),
            sbyte or byte or short or ushort or int or uint or long or ulong => new IntValue(BigInteger.Parse(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)),
            BigInteger number => new IntValue(number),
            float or double or decimal => new FloatValue(((IConvertible)value).ToDouble(CultureInfo.InvariantCulture)),
            JsonElement element => FromJson(element, depth),
            JsonNode node => FromNode(node, depth),
            ChatMessage message => FromPairs(ConversationShape.Plain.Of(message).Select(p => (p.Key, p.Value)), depth),
            IReadOnlyDictionary<string, object?> dictionary => FromPairs(dictionary.Select(p => (p.Key, p.Value)), depth),
            IDictionary dictionary => FromDictionary(dictionary, depth),
            IEnumerable items => FromItems(items, depth),
            _ => throw new ModelOpsException(ErrorKind.InvalidArgument, $"A template variable is a {value.GetType().Name}; templates take strings, numbers, booleans, lists, dictionaries and JSON."),
        };
    }

    private DictValue FromPairs(IEnumerable<(string Key, object? Value)> pairs, int depth)
    {
        var dict = interpreter.NewDict();
        foreach (var (key, value) in pairs)
            dict.Items[new StringValue(key)] = Convert(value, depth + 1);
        return dict;
    }

    private DictValue FromDictionary(IDictionary dictionary, int depth)
    {
        var dict = interpreter.NewDict();
        foreach (DictionaryEntry entry in dictionary)
            dict.Items[entry.Key is string key ? new StringValue(key) : throw new ModelOpsException(ErrorKind.InvalidArgument, "A dictionary among the template variables has a key that is not a string.")] = Convert(entry.Value, depth + 1);
        return dict;
    }

    private SequenceValue FromItems(IEnumerable items, int depth)
    {
        var list = new List<Value>();
        foreach (var item in items)
            list.Add(Convert(item, depth + 1));
        return SequenceValue.List(list);
    }

    private Value FromNode(JsonNode node, int depth) => node switch
    {
        JsonObject o => FromPairs(o.Select(p => (p.Key, (object?)p.Value)), depth),
        JsonArray a => FromItems(a, depth),
        _ => FromJson(JsonElement.Parse(node.ToJsonString()), depth),
    };

    private Value FromJson(JsonElement element, int depth) => element.ValueKind switch
    {
        JsonValueKind.String => new StringValue(element.GetString()!),
        JsonValueKind.True => BoolValue.True,
        JsonValueKind.False => BoolValue.False,
        JsonValueKind.Number => FromNumber(element.GetRawText()),
        JsonValueKind.Array => FromItems(element.EnumerateArray(), depth),
        JsonValueKind.Object => FromPairs(element.EnumerateObject().Select(p => (p.Name, (object?)p.Value)), depth),
        _ => NoneValue.Instance,
    };

    /// <summary>As Python's json: a number without point and exponent is an int of any size.</summary>
    private static Value FromNumber(string text) => text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0 || text.Length > 1000
        ? new FloatValue(double.Parse(text, CultureInfo.InvariantCulture))
        : new IntValue(BigInteger.Parse(text, CultureInfo.InvariantCulture));
}
