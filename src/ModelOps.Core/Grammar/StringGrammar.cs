namespace ModelOps.Grammar;

/// <summary>Texts: any, of a length, by a pattern, or of a format that is known.</summary>
internal static class StringGrammar
{
    public static Expression Build(JsonGrammar json, Conjunction schemas)
    {
        var least = schemas.All("minLength").Select(bound => bound.Count()).DefaultIfEmpty(0).Max();
        int? most = schemas.All("maxLength").Any() ? schemas.All("maxLength").Min(bound => bound.Count()) : null;
        var patterns = schemas.All("pattern").ToList();
        if (patterns.Count > 1)
            throw SchemaErrors.Unsupported(patterns[1].Pointer, "several patterns at once", "Use one that says both.");
        if (patterns.Count == 1)
        {
            var expression = PatternReader.Read(patterns[0].Text(), patterns[0].Pointer);
            var (shortest, longest) = PatternReader.Length(expression);
            if (shortest < least || (most is { } bound && (longest is null || longest > bound)))
                throw SchemaErrors.Unsupported(patterns[0].Pointer, "a pattern and a length that it does not keep by itself", "Put the length into the pattern, as in '^[a-z]{2,8}$'.");
            return JsonGrammar.Text(JsonGrammar.Spell(expression));
        }
        // A format is a remark by the letter of the standard: those that are not known change nothing.
        if (least == 0 && most is null && schemas.All("format").Select(format => TextFormats.Find(format.Text())).FirstOrDefault(format => format is not null) is { } known)
            return JsonGrammar.Text(known);
        return least == 0 && most is null ? json.String : JsonGrammar.Text(Expression.Times(json.TextCharacter, least, most));
    }
}
