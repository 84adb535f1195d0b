using System.Globalization;

namespace ModelOps.Grammar;

/// <summary>
/// A schema's <c>pattern</c> (ECMA-262, with the flag u) as an expression over the characters of the text. A pattern that is not anchored would match anywhere;
/// here it is taken for the whole text, which is one of the texts it matches. What looks around or back is no matter for a grammar and refused.
/// </summary>
internal sealed class PatternReader
{
    private const int Deepest = 50;
    // Beyond it a bounded repetition is a pattern nobody meant.
    private const int MostTimes = 10_000;

    private static readonly CharacterSet DigitSet = CharacterSet.Of(('0', '9'));
    private static readonly CharacterSet WordSet = CharacterSet.Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));
    private static readonly CharacterSet SpaceSet = CharacterSet.Of(('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));
    private static readonly CharacterSet LineSet = CharacterSet.Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029));

    private readonly string _pattern;
    private readonly string _pointer;
    private int _position;
    private int _depth;

    private PatternReader(string pattern, string pointer) => (_pattern, _pointer) = (pattern, pointer);

    /// <param name="pattern">The pattern.</param>
    /// <param name="pointer">Where it stands in the schema, for messages.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidSchema"/>.</exception>
    public static Expression Read(string pattern, string pointer)
    {
        var reader = new PatternReader(pattern, pointer);
        var expression = reader.Alternatives();
        return reader._position == pattern.Length ? expression : throw reader.Wrong("a ')' too many");
    }

    /// <summary>Fewest and most characters of what a pattern matches; null is no bound.</summary>
    public static (long Least, long? Most) Length(Expression expression)
    {
        switch (expression)
        {
            case Literal literal:
                var runes = literal.Text.EnumerateRunes().Count();
                return (runes, runes);
            case Character:
                return (1, 1);
            case Sequence sequence:
                var parts = sequence.Parts.Select(Length).ToList();
                return (parts.Sum(part => part.Least), parts.Any(part => part.Most is null) ? null : parts.Sum(part => part.Most));
            case Choice choice:
                var alternatives = choice.Alternatives.Select(Length).ToList();
                return alternatives.Count == 0 ? (0, 0) : (alternatives.Min(part => part.Least), alternatives.Any(part => part.Most is null) ? null : alternatives.Max(part => part.Most));
            case Repetition repetition:
                var (least, most) = Length(repetition.Item);
                return (least * repetition.Least, most == 0 ? 0 : most * repetition.Most);
            default:
                throw new InvalidOperationException($"A pattern holds no {expression.GetType().Name}.");
        }
    }

    private bool AtEnd => _position == _pattern.Length;

    private char Current => AtEnd ? '\0' : _pattern[_position];

    private Expression Alternatives()
    {
        if (++_depth > Deepest)
            throw Wrong($"groups more than {Deepest} deep");
        List<Expression> alternatives = [Parts()];
        while (Current == '|' && !AtEnd)
        {
            _position++;
            alternatives.Add(Parts());
        }
        _depth--;
        return Expression.Any([.. alternatives]);
    }

    private Expression Parts()
    {
        List<Expression> parts = [];
        // Anchors say what is so anyway, at the ends of the whole pattern.
        if (_depth == 1 && Take('^'))
        {
        }
        while (!AtEnd && Current is not ('|' or ')'))
        {
            if (Current == '$' && _depth == 1 && (_position + 1 == _pattern.Length || _pattern[_position + 1] == '|'))
            {
                _position++;
                break;
            }
            parts.Add(Quantified(Atom()));
        }
        return Expression.All([.. parts]);
    }

    private Expression Atom()
    {
        var character = Current;
        switch (character)
        {
            case '(':
                return Group();
            case '[':
                return new Character(Set());
            case '.':
                _position++;
                return new Character(LineSet.Complement());
            case '\\':
                return new Character(Escape(inSet: false));
            case '^' or '$':
                throw Unsupported($"the anchor '{character}' inside a pattern");
            case '*' or '+' or '?' or '{':
                throw Wrong($"'{character}' with nothing before it to repeat");
            case '}' or ']':
                throw Wrong($"a '{character}' that closes nothing");
            default:
                return new Character(One(Scalar()));
        }
    }

    private Expression Group()
    {
        _position++;
        if (Take('?'))
        {
            if (Take('<'))
            {
                if (Current is '=' or '!')
                    throw Unsupported("a look behind");
                var end = _pattern.IndexOf('>', _position);
                _position = end < 0 ? throw Wrong("a group's name without an end") : end + 1;
            }
            else if (!Take(':'))
            {
                throw Current is '=' or '!' ? Unsupported("a look ahead") : Wrong("a group of an unknown kind");
            }
        }
        var inner = Alternatives();
        return Take(')') ? inner : throw Wrong("a '(' that is not closed");
    }

    private Expression Quantified(Expression item)
    {
        int least;
        int? most;
        switch (Current)
        {
            case '*' when !AtEnd:
                (least, most) = (0, null);
                _position++;
                break;
            case '+':
                (least, most) = (1, null);
                _position++;
                break;
            case '?':
                (least, most) = (0, 1);
                _position++;
                break;
            case '{':
                _position++;
                least = Number();
                most = least;
                if (Take(','))
                    most = Current == '}' ? null : Number();
                if (!Take('}') || most < least)
                    throw Wrong("a number of repetitions that makes no sense");
                break;
            default:
                return item;
        }
        // Lazy or greedy, the texts are the same.
        Take('?');
        return Expression.Times(item, least, most);
    }

    private int Number()
    {
        var start = _position;
        while (char.IsAsciiDigit(Current))
            _position++;
        return int.TryParse(_pattern.AsSpan(start, _position - start), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= MostTimes
            ? number
            : throw Wrong($"a number of repetitions that is none, or more than {MostTimes}");
    }

    private CharacterSet Set()
    {
        _position++;
        var negated = Take('^');
        var set = CharacterSet.Of();
        while (Current != ']' || AtEnd)
        {
            if (AtEnd)
                throw Wrong("a '[' that is not closed");
            var first = Current == '\\' ? Escape(inSet: true) : One(Scalar());
            if (Current == '-' && _position + 1 < _pattern.Length && _pattern[_position + 1] != ']')
            {
                _position++;
                var last = Current == '\\' ? Escape(inSet: true) : One(Scalar());
                if (first.Ranges is not [{ } low] || last.Ranges is not [{ } high] || low.First != low.Last || high.First != high.Last || high.First < low.First)
                    throw Wrong("a range whose ends make no sense");
                first = CharacterSet.Of((low.First, high.First));
            }
            set = set.Union(first);
        }
        _position++;
        return negated ? set.Complement() : set;
    }

    private CharacterSet Escape(bool inSet)
    {
        _position++;
        if (AtEnd)
            throw Wrong("a '\\' at the end");
        var letter = Scalar();
        switch (letter)
        {
            case 'd': return DigitSet;
            case 'D': return DigitSet.Complement();
            case 'w': return WordSet;
            case 'W': return WordSet.Complement();
            case 's': return SpaceSet;
            case 'S': return SpaceSet.Complement();
            case 't': return One('\t');
            case 'n': return One('\n');
            case 'r': return One('\r');
            case 'f': return One('\f');
            case 'v': return One('\v');
            case '0' when !char.IsAsciiDigit(Current): return One(0);
            case 'b' when inSet: return One('\b');
            case 'x': return One(Hex(2));
            case 'u': return One(Unicode());
            case 'c' when char.IsAsciiLetter(Current): return One(_pattern[_position++] % 32);
            case 'p' or 'P': throw Unsupported("a class by Unicode property");
            case 'b' or 'B': throw Unsupported("a word's boundary");
            case 'k' or (>= '1' and <= '9'): throw Unsupported("a reference back to a group");
            default:
                return char.IsAsciiLetterOrDigit((char)Math.Min(letter, char.MaxValue)) ? throw Wrong($"an unknown escape '\\{(char)letter}'") : One(letter);
        }
    }

    private int Unicode()
    {
        if (Take('{'))
        {
            var end = _pattern.IndexOf('}', _position);
            var digits = end < 0 ? 0 : end - _position;
            var scalar = digits is > 0 and <= 6 ? Hex(digits) : throw Wrong("a '\\u{' without a character's number");
            _position++;
            return scalar;
        }
        var unit = Hex(4);
        // Two halves of a character beyond the first 65,536.
        if (char.IsHighSurrogate((char)unit) && _pattern.AsSpan(_position).StartsWith("\\u"))
        {
            _position += 2;
            var low = Hex(4);
            return char.IsLowSurrogate((char)low) ? char.ConvertToUtf32((char)unit, (char)low) : throw Wrong("half a character");
        }
        return unit;
    }

    private int Hex(int digits)
        => _position + digits <= _pattern.Length && int.TryParse(_pattern.AsSpan(_position, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && (_position += digits) > 0
            ? value
            : throw Wrong("an escape without its digits");

    private CharacterSet One(int scalar)
        => scalar is >= 0xD800 and <= 0xDFFF or > 0x10FFFF ? throw Wrong("half a character") : CharacterSet.Of((scalar, scalar));

    private int Scalar()
    {
        var high = _pattern[_position++];
        return char.IsHighSurrogate(high) && _position < _pattern.Length && char.IsLowSurrogate(_pattern[_position])
            ? char.ConvertToUtf32(high, _pattern[_position++])
            : high;
    }

    private bool Take(char character)
    {
        if (AtEnd || Current != character)
            return false;
        _position++;
        return true;
    }

    private ModelOpsException Wrong(string problem) => SchemaErrors.Invalid(_pointer, $"its pattern has {problem}, at character {_position}", "Patterns are regular expressions of ECMAScript.");

    private ModelOpsException Unsupported(string what) => SchemaErrors.Unsupported(_pointer, what, "Write the pattern with characters, sets, groups, alternatives and repetitions only.");
}
