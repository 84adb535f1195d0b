using System.Text.Json;

namespace ModelOps.Grammar;

/// <summary>
/// Whether the branches of a <c>oneOf</c> exclude one another, so that what satisfies one satisfies none of the others: by their kinds, by named values, or by
/// a property that one demands and the other never writes. What cannot be shown so is refused.
/// </summary>
internal sealed class Exclusion(SchemaDocument document, IReadOnlyList<Subschema> around)
{
    public void Check(string pointer, IReadOnlyList<Subschema> branches)
    {
        var schemas = branches.Select(branch => Conjunction.Of(document, [.. around, branch])).ToList();
        for (var first = 0; first < schemas.Count; first++)
        {
            for (var second = 0; second < schemas.Count; second++)
            {
                if (first != second && !Violates(schemas[first], schemas[second]))
                    throw SchemaErrors.Unsupported(pointer, "exactly one of schemas that may hold together ('oneOf')", "Use anyOf, or give each branch a property with a value of its own ('const') that it requires.");
            }
        }
    }

    /// <summary>Whether everything that is written for one schema violates another.</summary>
    private bool Violates(Conjunction written, Conjunction other)
    {
        if (written.IsNever || other.IsNever || (written.Types() & other.AllowedTypes()) == 0)
            return true;
        if (written.Values() is { } values && other.Values() is { } others)
            return Differ(values, others);
        // What is asked of objects says nothing of other kinds.
        if (written.Types() != JsonTypes.Object)
            return false;
        var always = Required(written);
        return Required(other).Any(name => !Declares(written, name))
            || always.Any(name => Forbids(other, name) || (Property(written, name).Values() is { } mine && Property(other, name).Values() is { } theirs && Differ(mine, theirs)));
    }

    private static bool Differ(IEnumerable<string> values, IEnumerable<string> others) => !values.Select(SpelledJson.Key).Intersect(others.Select(SpelledJson.Key)).Any();

    private static HashSet<string> Required(Conjunction schemas)
        => [.. schemas.All("required").SelectMany(list => list.Items()).Select(name => name.Text())];

    private static bool Declares(Conjunction schemas, string name)
        => Required(schemas).Contains(name) || schemas.All("properties").Any(properties => properties.TryGet(name, out _))
            || !schemas.All("properties").Any(properties => properties.Properties().Any()); // a map writes any name

    private static bool Forbids(Conjunction schemas, string name)
        => schemas.Members.Any(member => member.TryGet("additionalProperties", out var more) && more.Element.ValueKind == JsonValueKind.False
            && !member.TryGet("patternProperties", out _) && !(member.TryGet("properties", out var properties) && properties.TryGet(name, out _)));

    private Conjunction Property(Conjunction schemas, string name)
        => Conjunction.Of(document, schemas.All("properties").Select(properties => (Found: properties.TryGet(name, out var schema), Schema: schema)).Where(entry => entry.Found).Select(entry => entry.Schema));
}
