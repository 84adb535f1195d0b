using System.Text.Json;
using System.Text.RegularExpressions;

namespace ModelOps.Grammar;

/// <summary>Objects: the declared properties in their order, or a map of any names to values of one schema.</summary>
internal static class ObjectGrammar
{
    private const int MostProperties = 300;

    public static Expression Build(SchemaCompiler compiler, Conjunction schemas)
    {
        HashSet<string> required = new(schemas.All("required").SelectMany(list => list.Items()).Select(name => name.Text()), StringComparer.Ordinal);
        List<string> names = [.. schemas.All("properties").SelectMany(properties => properties.Properties()).Select(property => property.Name).Concat(required).Distinct()];
        if (names.Count > MostProperties)
            throw SchemaErrors.TooLarge($"{names.Count} properties in one object, of which {MostProperties} are possible");
        var least = schemas.All("minProperties").Select(bound => bound.Count()).DefaultIfEmpty(0).Max();
        int? most = schemas.All("maxProperties").Any() ? schemas.All("maxProperties").Min(bound => bound.Count()) : null;
        if (names.Count == 0)
            return Map(compiler, schemas, least, most);

        foreach (var bound in schemas.All("minProperties").Where(_ => least > required.Count))
            throw SchemaErrors.Unsupported(bound.Pointer, "a number of properties of which it is open which they are", "Name them under 'required'.");
        foreach (var bound in schemas.All("maxProperties").Where(_ => most < names.Count))
            throw SchemaErrors.Unsupported(bound.Pointer, "fewer properties than are declared", "Use anyOf with a schema for each case.");
        foreach (var bound in schemas.All("propertyNames"))
            throw SchemaErrors.Unsupported(bound.Pointer, "'propertyNames' beside declared properties", "Leave it out: undeclared properties are never written.");

        var json = compiler.Json;
        // From the last to the first: what may follow when something stands before (after a comma), and when nothing does.
        Expression following = Expression.Empty, leading = Expression.Empty;
        for (var index = names.Count - 1; index >= 0; index--)
        {
            var name = names[index];
            var value = compiler.Rule(Schemas(schemas, name), name);
            var pair = compiler.Share(json.Pair(Expression.Of($"\"{JsonGrammar.Spell(name)}\""), value), $"{name}-pair");
            var isRequired = required.Contains(name);
            var next = compiler.Share(following, "more");
            var before = leading;
            leading = isRequired ? Expression.All(pair, next) : Expression.Any(Expression.All(pair, next), compiler.Share(before, "others"));
            following = Expression.All(isRequired ? Expression.All(json.Comma, pair) : Expression.Optional(Expression.All(json.Comma, pair)), next);
        }
        // An object without properties takes one space, not two.
        var all = required.Count > 0 ? Expression.All(json.Space, leading) : Expression.Optional(Expression.All(json.Space, leading));
        return Expression.All(Expression.Of("{"), all, json.Space, Expression.Of("}"));
    }

    /// <summary>What every member says of a property: the schema it declares, those whose pattern the name matches, else what it says of all others.</summary>
    private static List<Subschema> Schemas(Conjunction schemas, string name)
    {
        List<Subschema> found = [];
        foreach (var member in schemas.Members)
        {
            var before = found.Count;
            if (member.TryGet("properties", out var properties) && properties.TryGet(name, out var declared))
                found.Add(declared);
            if (member.TryGet("patternProperties", out var patterns))
                found.AddRange(patterns.Properties().Where(pattern => Matches(pattern.Name, name, pattern.Schema.Pointer)).Select(pattern => pattern.Schema));
            if (found.Count == before && (member.TryGet("additionalProperties", out var others) || (member.TryGet("unevaluatedProperties", out others) && IsLone(schemas, name))))
                found.Add(others);
        }
        return found;
    }

    // What another member declares is evaluated.
    private static bool IsLone(Conjunction schemas, string name) => !schemas.All("properties").Any(properties => properties.TryGet(name, out _));

    private static Expression Map(SchemaCompiler compiler, Conjunction schemas, int least, int? most)
    {
        foreach (var bound in schemas.All("minProperties").Where(_ => least > 1))
            throw SchemaErrors.Unsupported(bound.Pointer, "several properties with names that are all different", "Name them under 'required', or ask for a list of pairs.");
        var json = compiler.Json;
        List<(string Name, Subschema Schema)> patterns = [.. schemas.All("patternProperties").SelectMany(list => list.Properties())];
        if (patterns.Count > 1)
            throw SchemaErrors.Unsupported(patterns[1].Schema.Pointer, "names by several patterns, which may match the same name", "Use one pattern, or declare the properties.");
        // What a member with patterns of its own says of other names does not concern those that match.
        List<Subschema> others = [.. Others(schemas.Members.Where(member => !member.TryGet("patternProperties", out _)))];
        List<Subschema> nameSchemas = [.. schemas.All("propertyNames")];
        if (patterns.Count == 1 && nameSchemas.Count > 0)
            throw SchemaErrors.Unsupported(nameSchemas[0].Pointer, "'propertyNames' beside 'patternProperties'", "Leave one of them out.");
        var (key, values) = patterns is [var (pattern, schema)]
            ? (JsonGrammar.Text(JsonGrammar.Spell(PatternReader.Read(pattern, schema.Pointer))), (List<Subschema>)[schema, .. others])
            : nameSchemas.Count > 0 ? (compiler.Rule([.. nameSchemas, StringSchema], "name"), others) : (json.String, others);
        var pair = compiler.Share(json.Pair(key, compiler.Rule(values, "entry")), "pair");
        return json.List('{', pair, '}', least, most);
    }

    private static IEnumerable<Subschema> Others(IEnumerable<Subschema> members)
    {
        foreach (var member in members)
        {
            if (member.TryGet("additionalProperties", out var others) || member.TryGet("unevaluatedProperties", out others))
                yield return others;
        }
    }

    private static readonly Subschema StringSchema = new(JsonDocument.Parse("""{"type":"string"}""").RootElement, "(string)");

    private static bool Matches(string pattern, string name, string pointer)
    {
        // Refused here as everywhere if it is no pattern that a grammar knows.
        PatternReader.Read(pattern, pointer);
        try
        {
            return Regex.IsMatch(name, pattern, RegexOptions.ECMAScript, TimeSpan.FromSeconds(1));
        }
        catch (Exception exception) when (exception is RegexMatchTimeoutException or ArgumentException)
        {
            throw SchemaErrors.Invalid(pointer, $"its pattern cannot be tried on '{name}': {exception.Message}");
        }
    }
}
