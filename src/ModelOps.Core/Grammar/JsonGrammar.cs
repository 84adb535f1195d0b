using System.Text;

namespace ModelOps.Grammar;

/// <summary>How JSON is spelled: texts with their escapes, and space where a model likes to put it.</summary>
internal sealed class JsonGrammar(GrammarRules rules)
{
    private static readonly CharacterSet Controls = CharacterSet.Of((0, 0x1F));
    private static readonly CharacterSet Escaped = Controls.Union(CharacterSet.Of('"')).Union(CharacterSet.Of('\\'));
    private static readonly CharacterSet Hex = CharacterSet.Of(('0', '9'), ('A', 'F'), ('a', 'f'));
    private static readonly (char Character, string Escape)[] ShortEscapes =
        [('"', "\\\""), ('\\', "\\\\"), ('\b', "\\b"), ('\f', "\\f"), ('\n', "\\n"), ('\r', "\\r"), ('\t', "\\t")];

    private readonly Dictionary<string, Reference> _common = new(StringComparer.Ordinal);

    /// <summary>Space between tokens: bounded, or a model that has lost its way would write nothing else.</summary>
    public Expression Space => Common("space", () => Expression.Any(
        Expression.Empty,
        Expression.Of(" "),
        Expression.All(Expression.Times(new Character(CharacterSet.Of('\n')), 1, 2), Expression.Times(new Character(CharacterSet.Of(('\t', '\t'), (' ', ' '))), 0, 20))));

    public Expression Boolean => Common("boolean", () => Expression.Any(Expression.Of("true"), Expression.Of("false")));

    public Expression String => Common("string", () => Text(Expression.Times(TextCharacter, 0, null)));

    /// <summary>One character of a text, with its escape where it takes one; what <c>\u</c> writes is never half a character.</summary>
    public Expression TextCharacter => Common("char", () =>
    {
        var hex = new Character(Hex);
        var unit = Expression.Any(
            Expression.All(new Character(Hex.Except(CharacterSet.Of(('D', 'D'), ('d', 'd')))), Expression.Times(hex, 3, 3)),
            Expression.All(new Character(CharacterSet.Of(('D', 'D'), ('d', 'd'))), new Character(CharacterSet.Of(('0', '7'))), Expression.Times(hex, 2, 2)));
        return Expression.Any(
            new Character(Escaped.Union(CharacterSet.Of((0x7F, 0x7F))).Complement()),
            Expression.All(Expression.Of("\\"), Expression.Any(new Character(CharacterSet.Of(('"', '"'), ('\\', '\\'), ('b', 'b'), ('f', 'f'), ('n', 'n'), ('r', 'r'), ('t', 't'))), Expression.All(Expression.Of("u"), unit))));
    });

    public Expression Value => Common("any", () => Expression.Any(Object, Array, String, NumberGrammar.Numbers(null, null), Boolean, Expression.Of("null")));

    public Expression Object => Common("object", () => List('{', Pair(String, Value), '}', 0, null));

    public Expression Array => Common("array", () => List('[', Value, ']', 0, null));

    public static Expression Text(Expression characters) => Expression.All(Expression.Of("\""), characters, Expression.Of("\""));

    public Expression Pair(Expression key, Expression value) => Expression.All(key, Space, Expression.Of(":"), Space, value);

    public Expression Comma => Expression.All(Space, Expression.Of(","), Space);

    /// <summary>Items between brackets.</summary>
    public Expression List(char open, Expression item, char close, int least, int? most)
    {
        if (least > most)
            return Expression.Nothing;
        var more = Expression.Times(Expression.All(Comma, item), Math.Max(0, least - 1), most - 1);
        var items = most == 0 ? Expression.Empty : Expression.All(Space, item, more);
        return Expression.All(Expression.Of(open.ToString()), least == 0 ? Expression.Optional(items) : items, Space, Expression.Of(close.ToString()));
    }

    /// <summary>An expression over characters as JSON writes them inside quotes; control characters only by their short escapes.</summary>
    public static Expression Spell(Expression characters) => characters switch
    {
        Literal literal => Expression.Of(Spell(literal.Text)),
        Character character => Spell(character.Set),
        Sequence sequence => Expression.All([.. sequence.Parts.Select(Spell)]),
        Choice choice => Expression.Any([.. choice.Alternatives.Select(Spell)]),
        Repetition repetition => Expression.Times(Spell(repetition.Item), repetition.Least, repetition.Most),
        _ => characters,
    };

    /// <summary>A text as JSON writes it inside quotes.</summary>
    public static string Spell(string text)
    {
        var spelled = new StringBuilder(text.Length);
        foreach (var character in text)
        {
            if (ShortEscapes.FirstOrDefault(entry => entry.Character == character) is { Escape: { } escape })
                spelled.Append(escape);
            else if (character < ' ')
                spelled.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{(int)character:X4}");
            else
                spelled.Append(character);
        }
        return spelled.ToString();
    }

    private static Expression Spell(CharacterSet set)
    {
        List<Expression> alternatives = [];
        if (set.Except(Escaped) is { IsEmpty: false } plain)
            alternatives.Add(new Character(plain));
        alternatives.AddRange(ShortEscapes.Where(entry => set.Contains(entry.Character)).Select(entry => Expression.Of(entry.Escape)));
        return Expression.Any([.. alternatives]);
    }

    private Reference Common(string name, Func<Expression> expression)
    {
        if (!_common.TryGetValue(name, out var reference))
        {
            // Named before it is made: a value may hold values.
            _common[name] = reference = new Reference(rules.Reserve(name));
            rules.Define(reference.Rule, expression());
        }
        return reference;
    }
}
