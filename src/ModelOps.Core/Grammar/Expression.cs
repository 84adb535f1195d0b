namespace ModelOps.Grammar;

/// <summary>A piece of a grammar over Unicode characters; null stands, where it is allowed, for what nothing matches.</summary>
internal abstract record Expression
{
    /// <summary>Matches nothing at all, not even the empty text.</summary>
    public static readonly Expression Nothing = new Choice([]);

    /// <summary>Matches the empty text only.</summary>
    public static readonly Expression Empty = new Sequence([]);

    public static Expression Of(string text) => text.Length == 0 ? Empty : new Literal(text);

    public static Expression All(params ReadOnlySpan<Expression> parts)
    {
        var flat = new List<Expression>(parts.Length);
        foreach (var part in parts)
        {
            if (part is Choice { Alternatives.Count: 0 })
                return Nothing;
            if (part is Sequence inner)
                flat.AddRange(inner.Parts);
            else
                flat.Add(part);
        }
        return flat.Count == 1 ? flat[0] : new Sequence(flat);
    }

    public static Expression Any(params ReadOnlySpan<Expression> alternatives)
    {
        var flat = new List<Expression>(alternatives.Length);
        foreach (var alternative in alternatives)
        {
            if (alternative is Choice inner)
                flat.AddRange(inner.Alternatives);
            else
                flat.Add(alternative);
        }
        return flat.Count == 1 ? flat[0] : new Choice(flat);
    }

    /// <summary><paramref name="least"/> to <paramref name="most"/> times; no <paramref name="most"/> is no bound.</summary>
    public static Expression Times(Expression item, int least, int? most) => (least, most, item) switch
    {
        (_, { } bound, _) when bound < least => Nothing,
        (_, 0, _) => Empty,
        (1, 1, _) => item,
        (0, _, Choice { Alternatives.Count: 0 }) => Empty,
        (_, _, Choice { Alternatives.Count: 0 }) => Nothing,
        (_, _, Sequence { Parts.Count: 0 }) => Empty,
        _ => new Repetition(item, least, most),
    };

    public static Expression Optional(Expression item) => Times(item, 0, 1);
}

/// <summary>These characters.</summary>
internal sealed record Literal(string Text) : Expression;

/// <summary>One character of a set.</summary>
internal sealed record Character(CharacterSet Set) : Expression;

/// <summary>One part after the other.</summary>
internal sealed record Sequence(IReadOnlyList<Expression> Parts) : Expression;

/// <summary>One of the alternatives.</summary>
internal sealed record Choice(IReadOnlyList<Expression> Alternatives) : Expression;

/// <summary>The same again and again.</summary>
internal sealed record Repetition(Expression Item, int Least, int? Most) : Expression;

/// <summary>A rule by its name.</summary>
internal sealed record Reference(string Rule) : Expression;
