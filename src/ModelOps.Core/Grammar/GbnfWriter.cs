using System.Globalization;
using System.Text;

namespace ModelOps.Grammar;

/// <summary>
/// Writes rules as GBNF for llama.cpp (grammars/README.md there). Its parser copies what is repeated and refuses more than 2000 copies
/// (MAX_REPETITION_THRESHOLD), so what is repeated is made a rule and long repetitions are put together from blocks.
/// </summary>
internal sealed class GbnfWriter
{
    private const int Block = 100;
    // Blocks of blocks: more characters or items than a model writes in one answer.
    private const int MostTimes = Block * 1000;

    private readonly StringBuilder _text = new();
    private readonly GrammarRules _rules;
    private readonly Queue<(string Name, Expression Expression)> _open = new();
    private readonly Dictionary<Expression, string> _shared = new(ReferenceEqualityComparer.Instance);

    private GbnfWriter(GrammarRules rules) => _rules = rules;

    public static string Write(GrammarRules rules)
    {
        var writer = new GbnfWriter(rules);
        // The root first, as people read.
        foreach (var name in rules.Rules.Keys.OrderBy(name => name != GrammarRules.Root).ToList())
            writer._open.Enqueue((name, rules.Rules[name]));
        while (writer._open.TryDequeue(out var rule))
        {
            writer._text.Append(rule.Name).Append(" ::= ");
            writer.Alternatives(rule.Expression);
            writer._text.Append('\n');
        }
        return writer._text.ToString();
    }

    private void Alternatives(Expression expression)
    {
        if (expression is not Choice choice)
        {
            Parts(expression);
            return;
        }
        for (var index = 0; index < choice.Alternatives.Count; index++)
        {
            if (index > 0)
                _text.Append(" | ");
            Parts(choice.Alternatives[index]);
        }
    }

    private void Parts(Expression expression)
    {
        if (expression is not Sequence sequence)
        {
            Part(expression);
            return;
        }
        if (sequence.Parts.Count == 0)
            _text.Append("\"\"");
        for (var index = 0; index < sequence.Parts.Count; index++)
        {
            if (index > 0)
                _text.Append(' ');
            Part(sequence.Parts[index]);
        }
    }

    private void Part(Expression expression)
    {
        switch (expression)
        {
            case Literal literal:
                Quote(literal.Text);
                break;
            case Character character:
                Set(character.Set);
                break;
            case Reference reference:
                _text.Append(reference.Rule);
                break;
            case Repetition repetition:
                Repeat(repetition);
                break;
            default:
                _text.Append('(');
                Alternatives(expression);
                _text.Append(')');
                break;
        }
    }

    private void Repeat(Repetition repetition)
    {
        var item = Name(repetition.Item);
        if (repetition.Least > MostTimes)
            throw SchemaErrors.TooLarge($"{repetition.Least} repetitions");
        var most = repetition.Most is { } bound ? Math.Min(bound, MostTimes) : (int?)null;
        if (Math.Max(repetition.Least, most ?? 0) <= Block)
        {
            Part(item);
            _text.Append(Quantifier(repetition.Least, most));
            return;
        }
        // The required ones: blocks, then the rest.
        var (blocks, rest) = Math.DivRem(repetition.Least, Block);
        var block = blocks > 0 || most - repetition.Least > Block ? Rule("block", new Repetition(item, Block, Block)) : item;
        List<Expression> parts = [];
        if (blocks > 0)
            parts.Add(Expression.Times(block, Math.Min(blocks, Block), Math.Min(blocks, Block)));
        for (var more = blocks - Block; more > 0; more -= Block)
            parts.Add(Expression.Times(block, Math.Min(more, Block), Math.Min(more, Block)));
        if (rest > 0)
            parts.Add(Expression.Times(item, rest, rest));
        if (most is not { } limit)
            parts.Add(new Repetition(item, 0, null));
        else if (limit > repetition.Least)
            parts.Add(UpTo(item, block, limit - repetition.Least));
        _text.Append('(');
        Parts(Expression.All([.. parts]));
        _text.Append(')');
    }

    /// <summary>0 to <paramref name="count"/> items: whole blocks as long as there are, then part of one.</summary>
    private Expression UpTo(Expression item, Expression block, int count)
    {
        if (count <= Block)
            return new Repetition(item, 0, count);
        var part = Rule("part", new Repetition(item, 0, Block - 1));
        Expression rest = count % Block == 0 ? Expression.Empty : new Repetition(item, 0, count % Block);
        for (var blocks = count / Block; blocks > 0; blocks--)
            rest = Rule("upto", new Choice([Expression.All(block, rest), part]));
        return rest;
    }

    private Expression Name(Expression item)
    {
        if (item is Reference or Character or Literal)
            return item;
        if (!_shared.TryGetValue(item, out var name))
            _shared[item] = name = Rule("item", item).Rule;
        return new Reference(name);
    }

    private Reference Rule(string wish, Expression expression)
    {
        var reference = _rules.Add(wish, expression);
        _open.Enqueue((reference.Rule, expression));
        return reference;
    }

    private static string Quantifier(int least, int? most) => (least, most) switch
    {
        (0, null) => "*",
        (1, null) => "+",
        (0, 1) => "?",
        (_, null) => string.Create(CultureInfo.InvariantCulture, $"{{{least},}}"),
        _ when least == most => string.Create(CultureInfo.InvariantCulture, $"{{{least}}}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{{{least},{most}}}"),
    };

    private void Quote(string text)
    {
        _text.Append('"');
        foreach (var rune in text.EnumerateRunes())
            Escape(rune.Value, inSet: false);
        _text.Append('"');
    }

    private void Set(CharacterSet set)
    {
        _text.Append('[');
        foreach (var (first, last) in set.Ranges)
        {
            Escape(first, inSet: true);
            if (last > first)
            {
                _text.Append('-');
                Escape(last, inSet: true);
            }
        }
        _text.Append(']');
    }

    private void Escape(int character, bool inSet)
    {
        var plain = character is >= ' ' and < 0x7F && character is not ('"' or '\\') && !(inSet && character is '[' or ']' or '^' or '-');
        if (plain)
            _text.Append((char)character);
        else if (character <= 0xFF)
            _text.Append(CultureInfo.InvariantCulture, $"\\x{character:X2}");
        else if (character <= 0xFFFF)
            _text.Append(CultureInfo.InvariantCulture, $"\\u{character:X4}");
        else
            _text.Append(CultureInfo.InvariantCulture, $"\\U{character:X8}");
    }
}
