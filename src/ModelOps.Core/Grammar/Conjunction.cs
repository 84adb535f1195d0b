using System.Text.Json;

namespace ModelOps.Grammar;

/// <summary>Kinds of JSON values; a number is whole or not.</summary>
[Flags]
internal enum JsonTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,
    Fraction = 8,
    Number = Integer | Fraction,
    String = 16,
    Array = 32,
    Object = 64,
    Any = Null | Boolean | Number | String | Array | Object,
}

/// <summary>
/// Schemas that must all hold: <c>$ref</c> and <c>allOf</c> are followed, so that keywords can be read across them. <see cref="Chosen"/> holds the
/// <c>anyOf</c> and <c>oneOf</c> of which a branch is among the members already.
/// </summary>
internal sealed class Conjunction
{
    private static readonly Dictionary<string, JsonTypes> TypeNames = new(StringComparer.Ordinal)
    {
        ["null"] = JsonTypes.Null,
        ["boolean"] = JsonTypes.Boolean,
        ["integer"] = JsonTypes.Integer,
        ["number"] = JsonTypes.Number,
        ["string"] = JsonTypes.String,
        ["array"] = JsonTypes.Array,
        ["object"] = JsonTypes.Object,
    };

    // A schema that says what a kind must look like means that kind, though by the letter all others are allowed.
    private static readonly (JsonTypes Type, string[] Keywords)[] Telltales =
    [
        (JsonTypes.Object, ["properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties"]),
        (JsonTypes.Array, ["items", "prefixItems", "minItems", "maxItems"]),
        (JsonTypes.String, ["pattern", "minLength", "maxLength", "format"]),
        (JsonTypes.Number, ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ];

    // Words that ask nothing of a value by themselves: a schema of these alone is what it refers to.
    private static readonly HashSet<string> Silent = new(
        ["$ref", "allOf", "$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"], StringComparer.Ordinal);

    private readonly List<Subschema> _members = [];

    /// <summary>Through which schemas one was reached.</summary>
    private sealed record Way(string Pointer, Way? From);

    private Conjunction(IEnumerable<string> chosen) => Chosen = new SortedSet<string>(chosen, StringComparer.Ordinal);

    public IReadOnlyList<Subschema> Members => _members;

    public IReadOnlySet<string> Chosen { get; }

    /// <summary>Whether a member is <c>false</c>: nothing satisfies it.</summary>
    public bool IsNever { get; private set; }

    /// <summary>The same for the same members, whatever their order.</summary>
    public string Key => string.Join('&', _members.Select(member => member.Pointer).Order(StringComparer.Ordinal)) + '!' + string.Join('&', Chosen);

    public static Conjunction Of(SchemaDocument document, IEnumerable<Subschema> schemas, IEnumerable<string>? chosen = null)
    {
        var conjunction = new Conjunction(chosen ?? []);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        // A stack that keeps the order of the schemas.
        var open = new Stack<(Subschema Schema, Way? From)>(schemas.Reverse().Select(schema => (schema, (Way?)null)));
        while (open.TryPop(out var next))
        {
            var schema = next.Schema;
            if (!seen.Add(schema.Pointer))
            {
                for (var way = next.From; way is not null; way = way.From)
                {
                    if (way.Pointer == schema.Pointer)
                        throw SchemaErrors.Invalid(schema.Pointer, "it is defined by itself", "Look for a $ref or allOf that leads back to itself.");
                }
                continue;
            }
            var here = new Way(schema.Pointer, next.From);
            switch (schema.Element.ValueKind)
            {
                case JsonValueKind.True:
                    continue;
                case JsonValueKind.False:
                    conjunction.IsNever = true;
                    continue;
                case not JsonValueKind.Object:
                    throw SchemaErrors.Invalid(schema.Pointer, "a schema is an object, true or false");
            }
            if (schema.Element.EnumerateObject().Any(keyword => !Silent.Contains(keyword.Name)))
                conjunction._members.Add(schema);
            if (schema.TryGet("allOf", out var all))
            {
                foreach (var part in all.Items().Reverse())
                    open.Push((part, here));
            }
            if (schema.TryGet("$ref", out var reference))
                open.Push((document.Resolve(reference), here));
        }
        return conjunction;
    }

    /// <summary>What all members that have a keyword say.</summary>
    public IEnumerable<Subschema> All(string keyword)
    {
        foreach (var member in _members)
        {
            if (member.TryGet(keyword, out var value))
                yield return value;
        }
    }

    /// <summary>The kinds that are written: those that all members allow or, where none says, those that their keywords are about.</summary>
    public JsonTypes Types()
    {
        if (_members.Any(member => member.TryGet("type", out _)))
            return AllowedTypes();
        var hinted = Telltales.Where(telltale => telltale.Keywords.Any(keyword => All(keyword).Any())).Aggregate(JsonTypes.None, (sum, telltale) => sum | telltale.Type);
        return hinted == JsonTypes.None ? JsonTypes.Any : hinted;
    }

    /// <summary>The kinds that all members allow, by the letter.</summary>
    public JsonTypes AllowedTypes()
    {
        var types = JsonTypes.Any;
        foreach (var member in _members)
        {
            if (!member.TryGet("type", out var type))
                continue;
            types &= (type.Element.ValueKind == JsonValueKind.Array ? type.Items().Aggregate(JsonTypes.None, (sum, item) => sum | Named(item)) : Named(type))
                | (member.TryGet("nullable", out var nullable) && nullable.Element.ValueKind == JsonValueKind.True ? JsonTypes.Null : JsonTypes.None);
        }
        return types;
    }

    /// <summary>The values of <c>const</c> and <c>enum</c> that all members allow, as JSON in one spelling; null when no member names any.</summary>
    public List<string>? Values()
    {
        List<string>? values = null;
        foreach (var member in _members)
        {
            if (member.TryGet("const", out var constant))
                Keep([Spelled(constant.Element)]);
            if (member.TryGet("enum", out var list))
                Keep([.. list.Items().Select(item => Spelled(item.Element))]);
        }
        return values;

        void Keep(List<string> allowed)
        {
            HashSet<string> keys = [.. allowed.Select(SpelledJson.Key)];
            values = values is null ? [.. allowed.DistinctBy(SpelledJson.Key)] : [.. values.Where(value => keys.Contains(SpelledJson.Key(value)))];
        }
    }

    public static JsonTypes TypeOf(string json)
    {
        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = SchemaDocument.Deepest });
        return document.RootElement.ValueKind switch
        {
            JsonValueKind.Object => JsonTypes.Object,
            JsonValueKind.Array => JsonTypes.Array,
            JsonValueKind.String => JsonTypes.String,
            JsonValueKind.Number => document.RootElement.TryGetDouble(out var number) && number == Math.Floor(number) ? JsonTypes.Integer : JsonTypes.Fraction,
            JsonValueKind.Null => JsonTypes.Null,
            _ => JsonTypes.Boolean,
        };
    }

    private static JsonTypes Named(Subschema type)
        => TypeNames.TryGetValue(type.Text(), out var named) ? named : throw SchemaErrors.Invalid(type.Pointer, $"there is no type '{type.Text()}'", $"Types are {string.Join(", ", TypeNames.Keys)}.");

    private static string Spelled(JsonElement element) => SpelledJson.Of(element);
}
