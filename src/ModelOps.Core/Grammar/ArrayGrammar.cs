using System.Text.Json;

namespace ModelOps.Grammar;

/// <summary>Arrays: places with a schema each, then items of one schema.</summary>
internal static class ArrayGrammar
{
    private const int MostPlaces = 300;

    public static Expression Build(SchemaCompiler compiler, Conjunction schemas)
    {
        var least = schemas.All("minItems").Select(bound => bound.Count()).DefaultIfEmpty(0).Max();
        int? most = schemas.All("maxItems").Any() ? schemas.All("maxItems").Min(bound => bound.Count()) : null;
        foreach (var unique in schemas.All("uniqueItems").Where(unique => unique.Element.ValueKind == JsonValueKind.True && most is not <= 1))
            throw SchemaErrors.Unsupported(unique.Pointer, "items that are all different", "Leave 'uniqueItems' out, and tell the model in the prompt; or use an object with a boolean for each item.");

        var members = schemas.Members.Select(Places).ToList();
        var places = members.Max(member => member.First.Count);
        if (places > MostPlaces)
            throw SchemaErrors.TooLarge($"{places} places in one array, of which {MostPlaces} are possible");
        var json = compiler.Json;
        Expression Item(int place) => compiler.Rule(members.Select(member => place < member.First.Count ? member.First[place] : member.Others).OfType<Subschema>(), "item");

        if (places == 0)
            return json.List('[', Item(0), ']', least, most);
        // From the last place to the first; behind the last come items of one schema.
        Expression? rest = most is { } limit && limit <= places ? null : Expression.Times(Expression.All(json.Comma, Item(places)), Math.Max(0, least - places), most - places);
        var tail = rest ?? Expression.Empty;
        for (var place = Math.Min(places, most ?? places) - 1; place >= 0; place--)
        {
            var items = Expression.All(place == 0 ? json.Space : json.Comma, Item(place), compiler.Share(tail, "rest"));
            tail = place < least ? items : Expression.Optional(items);
        }
        return least > (most ?? int.MaxValue) ? Expression.Nothing : Expression.All(Expression.Of("["), tail, json.Space, Expression.Of("]"));
    }

    /// <summary>The schemas of the first places and of the rest, as 2020-12 or as draft 7 spell them.</summary>
    private static (List<Subschema> First, Subschema? Others) Places(Subschema schema)
    {
        var hasItems = schema.TryGet("items", out var items);
        if (schema.TryGet("prefixItems", out var prefix))
            return ([.. prefix.Items()], hasItems ? items : null);
        if (hasItems && items.Element.ValueKind == JsonValueKind.Array)
            return ([.. items.Items()], schema.TryGet("additionalItems", out var more) ? more : null);
        return ([], hasItems ? items : null);
    }
}
