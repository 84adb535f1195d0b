namespace ModelOps.Grammar;

/// <summary>Texts: any, of a length, by a pattern, or of a format that is known.</summary>
internal static class StringGrammar
{
    public static Expression Build(JsonGrammar json, Conjunction schemas)
    {
        var least = schemas.All("minLength").Select(bound => bound.Count()).DefaultIfEmpty(0).Max();
        int? most = schemas.All("maxLength").Any() ? schemas.All("maxLength").Min(bound => bound.Count()) : null;
        var patterns = schemas.All("pattern").ToList();
        // A format that nobody here knows is a remark, as the standard has it.
        var formats = schemas.All("format").Where(format => TextFormats.IsKnown(format.Text())).DistinctBy(format => format.Text()).ToList();
        foreach (var second in formats.Skip(patterns.Count > 0 ? 0 : 1))
            throw SchemaErrors.Unsupported(second.Pointer, patterns.Count > 0 ? "a format and a pattern at once" : "several formats at once", "Leave one of them out.");
        if (patterns.Count > 1)
            throw SchemaErrors.Unsupported(patterns[1].Pointer, "several patterns at once", "Use one that says both.");
        if (patterns.Count == 1)
        {
            var expression = PatternReader.Read(patterns[0].Text(), patterns[0].Pointer);
            if (!Keeps(expression, least, most))
                throw SchemaErrors.Unsupported(patterns[0].Pointer, "a pattern and a length that it does not keep by itself", "Put the length into the pattern, as in '^[a-z]{2,8}$'.");
            return JsonGrammar.Text(JsonGrammar.Spell(expression));
        }
        if (formats.Count == 1)
        {
            var expression = TextFormats.Find(formats[0].Text())
                ?? throw SchemaErrors.Unsupported(formats[0].Pointer, $"the format '{formats[0].Text()}'", "Leave it out, and check the answer afterwards.");
            if (!Keeps(expression, least, most))
                throw SchemaErrors.Unsupported(formats[0].Pointer, "a format and a length that it does not keep by itself", "Leave the length out, or write a pattern that says both.");
            return JsonGrammar.Text(JsonGrammar.Spell(expression));
        }
        return least == 0 && most is null ? json.String : JsonGrammar.Text(Expression.Times(json.TextCharacter, least, most));
    }

    private static bool Keeps(Expression expression, int least, int? most)
    {
        var (shortest, longest) = PatternReader.Length(expression);
        return shortest >= least && (most is null || longest <= most);
    }
}
