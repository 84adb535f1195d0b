using System.Globalization;
using System.Text;

namespace ModelOps.Grammar;

/// <summary>
/// Reads GBNF as llama.cpp's parser does (llama-grammar.cpp, llama_grammar_parser) and refuses what that would refuse, or would not survive: it descends
/// into groups and rules by recursion, and copies what is repeated.
/// </summary>
internal sealed class GbnfReader
{
    public const int LongestText = 1 << 20;
    private const int Deepest = 64;
    // MAX_REPETITION_THRESHOLD
    private const int MostCopies = 2000;
    private const int LastCharacter = 0x10FFFF;

    private readonly string _text;
    private readonly GrammarRules _rules = new();
    private readonly Dictionary<string, Expression> _defined = new(StringComparer.Ordinal);
    private int _position;
    private int _depth;

    private GbnfReader(string text) => _text = text;

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidGrammar"/>.</exception>
    public static GrammarRules Read(string text)
    {
        if (text.Length > LongestText)
            throw Wrong($"it has {text.Length} characters, of which {LongestText} are allowed");
        if (text.Contains('\0', StringComparison.Ordinal))
            throw Wrong("it holds a zero byte, where the engine would end it");
        var reader = new GbnfReader(text);
        reader.Space(lines: true);
        while (!reader.AtEnd)
            reader.Rule();
        return reader.Finish();
    }

    private bool AtEnd => _position == _text.Length;

    private char Current => AtEnd ? '\0' : _text[_position];

    private GrammarRules Finish()
    {
        if (!_defined.ContainsKey(GrammarRules.Root))
            throw Wrong($"it has no rule '{GrammarRules.Root}'");
        foreach (var (name, expression) in _defined)
            _rules.Define(name, expression);
        foreach (var name in _rules.References().Where(name => !_defined.ContainsKey(name)))
            throw Wrong($"rule '{name}' is used but not defined");
        if (_defined.Count > GrammarRules.Most)
            throw Wrong($"it has {_defined.Count} rules, of which {GrammarRules.Most} are allowed");
        _rules.CheckBeginnings(Wrong);
        return _rules;
    }

    private void Rule()
    {
        var name = Name();
        Space(lines: false);
        if (!_text.AsSpan(_position).StartsWith("::="))
            throw Here("'::=' is wanted");
        _position += 3;
        Space(lines: true);
        _defined[name] = Alternatives(nested: false, out _);
        if (!AtEnd && Current is not ('\r' or '\n'))
            throw Here("a rule ends with its line");
        Space(lines: true);
    }

    private Expression Alternatives(bool nested, out int copies)
    {
        if (++_depth > Deepest)
            throw Here($"groups are more than {Deepest} deep");
        List<Expression> alternatives = [Parts(nested, out copies)];
        while (Current == '|')
        {
            _position++;
            Space(lines: true);
            alternatives.Add(Parts(nested, out var more));
            copies += more;
        }
        _depth--;
        return new Choice(alternatives);
    }

    /// <param name="nested">Whether lines may end inside.</param>
    /// <param name="copies">Rules that the engine's parser makes of it.</param>
    private Expression Parts(bool nested, out int copies)
    {
        List<Expression> parts = [];
        copies = 0;
        while (!AtEnd)
        {
            var size = 1;
            if (Current == '"')
                parts.Add(Text());
            else if (Current == '[')
                parts.Add(Set());
            else if (Current is '<' or '!')
                parts.Add(Token());
            else if (IsName(Current))
                parts.Add(new Reference(Name()));
            else if (Current == '.')
                parts.Add(Any());
            else if (Current == '(')
            {
                _position++;
                Space(lines: true);
                parts.Add(Alternatives(nested: true, out size));
                size++;
                if (Current != ')')
                    throw Here("')' is wanted");
                _position++;
            }
            else
                break;
            Space(nested);
            copies += Repeated(parts, size, nested);
        }
        return new Sequence(parts);
    }

    /// <summary>The signs of repetition behind a part, of which there may be several; the rules that come of them.</summary>
    private int Repeated(List<Expression> parts, int size, bool nested)
    {
        long copies = size;
        var signs = 0;
        while (!AtEnd && Current is '*' or '+' or '?' or '{')
        {
            if (++signs > Deepest)
                throw Here($"more than {Deepest} signs of repetition stand behind one another");
            int least;
            int? most;
            switch (_text[_position++])
            {
                case '*': (least, most) = (0, null); break;
                case '+': (least, most) = (1, null); break;
                case '?': (least, most) = (0, 1); break;
                default: (least, most) = Bounds(nested); break;
            }
            Space(nested);
            copies *= Math.Max(1, most is > 0 ? most.Value : least);
            if (least > MostCopies || copies >= MostCopies)
                throw Here($"the engine takes fewer than {MostCopies} copies of a part");
            parts[^1] = new Repetition(parts[^1], least, most);
        }
        return (int)copies;
    }

    private (int Least, int? Most) Bounds(bool nested)
    {
        Space(nested);
        var least = Number();
        Space(nested);
        int? most = least;
        if (Current == ',')
        {
            _position++;
            Space(nested);
            // More than the engine copies is to it no bound at all.
            most = char.IsAsciiDigit(Current) && Number() is var bound && bound <= MostCopies ? bound : null;
            Space(nested);
        }
        if (Current != '}')
            throw Here("'}' is wanted");
        _position++;
        return most < least ? throw Here($"{least} to {most} times makes no sense") : (least, most);
    }

    private int Number()
    {
        var start = _position;
        while (char.IsAsciiDigit(Current))
            _position++;
        return int.TryParse(_text.AsSpan(start, _position - start), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Here("a number is wanted");
    }

    private Literal Text()
    {
        _position++;
        var text = new StringBuilder();
        while (Current != '"')
            text.Append(Rune.TryCreate(Character(), out var rune) ? rune : Rune.ReplacementChar);
        _position++;
        return new Literal(text.ToString());
    }

    private Expression Set()
    {
        _position++;
        var others = Current == '^';
        if (others)
            _position++;
        List<(int First, int Last)> ranges = [];
        while (Current != ']')
        {
            var first = Character();
            var last = first;
            if (Current == '-' && _position + 1 < _text.Length && _text[_position + 1] != ']')
            {
                _position++;
                last = Character();
            }
            ranges.Add((first, last));
        }
        _position++;
        var set = CharacterSet.Of([.. ranges]);
        return ranges.Count > 0 ? new Character(others ? set.Complement() : set) : Expression.Empty;
    }

    private Character Any()
    {
        _position++;
        return new Character(CharacterSet.All);
    }

    // By the characters of a token nothing can be said: they are the model's.
    private Character Token()
    {
        if (Current == '!')
            _position++;
        var end = Current == '<' ? _text.IndexOf('>', _position) : -1;
        _position = end < 0 ? throw Here("a token stands between '<' and '>'") : end + 1;
        return new Character(CharacterSet.All);
    }

    private int Character()
    {
        if (AtEnd)
            throw Here("the text ends inside quotes or brackets");
        if (Current != '\\')
        {
            // Half a pair is what becomes of it in UTF-8.
            var character = Rune.TryGetRuneAt(_text, _position, out var rune) ? rune : Rune.ReplacementChar;
            _position += character.Utf16SequenceLength;
            return character.Value;
        }
        _position++;
        var escape = Current;
        var digits = escape switch
        {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            't' or 'r' or 'n' or '\\' or '"' or '[' or ']' => 0,
            _ => throw Here("an unknown escape"),
        };
        _position++;
        if (digits == 0)
            return escape switch { 't' => '\t', 'r' => '\r', 'n' => '\n', _ => escape };
        var start = _position;
        for (; _position < start + digits; _position++)
        {
            if (!char.IsAsciiHexDigit(Current))
                throw Here("an escape without its digits");
        }
        return (int)Math.Min(LastCharacter, uint.Parse(_text.AsSpan(start, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
    }

    private string Name()
    {
        var start = _position;
        while (IsName(Current))
            _position++;
        return _position > start ? _text[start.._position] : throw Here("a rule's name is wanted");
    }

    private void Space(bool lines)
    {
        while (!AtEnd && (Current is ' ' or '\t' or '#' || (lines && Current is '\r' or '\n')))
        {
            if (Current != '#')
            {
                _position++;
                continue;
            }
            while (!AtEnd && Current is not ('\r' or '\n'))
                _position++;
        }
    }

    private static bool IsName(char character) => char.IsAsciiLetterOrDigit(character) || character == '-';

    private ModelOpsException Here(string problem)
    {
        var line = _text.AsSpan(0, Math.Min(_position, _text.Length)).Count('\n') + 1;
        return Wrong($"{problem}, in line {line}");
    }

    private static ModelOpsException Wrong(string problem)
        => new(ErrorKind.InvalidGrammar, $"The grammar is wrong: {problem}.", "Grammars are GBNF, as llama.cpp's grammars/README.md tells; a JSON schema is turned into one.");
}
