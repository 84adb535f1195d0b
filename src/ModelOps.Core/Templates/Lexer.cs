using System.Text;

namespace ModelOps.Templates;

/// <summary>
/// Cuts a template into tokens as jinja2's lexer does with <c>trim_blocks</c> and <c>lstrip_blocks</c> on, which is how transformers sets it
/// up: the first newline after a statement or comment goes, so does the indentation before one, <c>-</c> strips all white space, <c>+</c>
/// keeps it.
/// </summary>
internal sealed class Lexer
{
    private static readonly string[] LongOperators = ["//", "**", "==", "!=", ">=", "<="];
    private const string ShortOperators = "+-/*%~[](){}><=.:|,;";
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _line = 1;
    private int _lineStart;
    private int _counted;
    // The text after a tag that swallowed a newline begins a line of its own.
    private bool _lineStarting = true;

    private Lexer(string source) => _source = source;

    public static List<Token> Tokenize(string source)
    {
        source = source.Replace("\r\n", "\n").Replace('\r', '\n');
        if (source.EndsWith('\n'))
            source = source[..^1];
        var lexer = new Lexer(source);
        lexer.ReadTemplate();
        return lexer._tokens;
    }

    private void ReadTemplate()
    {
        while (_at < _source.Length)
        {
            var tag = FindTag(_at);
            if (tag < 0)
            {
                Add(TokenKind.Data, _source[_at..], _at);
                _at = _source.Length;
                break;
            }
            var kind = _source[tag + 1];
            var sign = SignAt(tag + 2);
            AddData(_at, tag, sign, strips: kind != '{');
            var inside = tag + 2 + (sign == '\0' ? 0 : 1);
            _at = inside;
            if (kind == '#')
                SkipComment(tag);
            else if (kind == '%' && TryRaw(tag, inside))
                continue;
            else
                ReadTag(tag, kind == '{' ? TokenKind.VariableBegin : TokenKind.BlockBegin);
        }
        Add(TokenKind.End, "", _source.Length);
    }

    private int FindTag(int from)
    {
        for (var at = _source.IndexOf('{', from); at >= 0 && at + 1 < _source.Length; at = _source.IndexOf('{', at + 1))
        {
            if (_source[at + 1] is '{' or '%' or '#')
                return at;
        }
        return -1;
    }

    private char SignAt(int at) => at < _source.Length && _source[at] is '-' or '+' ? _source[at] : '\0';

    private void AddData(int from, int to, char sign, bool strips)
    {
        var end = to;
        if (sign == '-')
        {
            while (end > from && PythonText.IsSpace(_source[end - 1]))
                end--;
        }
        else if (sign != '+' && strips)
        {
            var newline = from == to ? -1 : _source.LastIndexOf('\n', to - 1, to - from);
            var lineStart = newline < 0 ? from : newline + 1;
            if (newline >= 0 || _lineStarting)
            {
                var at = lineStart;
                while (at < to && PythonText.IsSpace(_source[at]))
                    at++;
                if (at == to)
                    end = lineStart;
            }
        }
        if (end > from)
            Add(TokenKind.Data, _source[from..end], from);
    }

    private void SkipComment(int tag)
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
            throw Fault("a comment is not closed", tag);
        var sign = end > _at ? SignAt(end - 1) : '\0';
        _at = end + 2;
        AfterTag(sign, trimsNewline: true);
    }

    private bool TryRaw(int tag, int inside)
    {
        if (!TryKeyword(inside, "raw", out var content, out var sign) || sign == '+')
            return false;
        _at = content;
        AfterTag(sign, trimsNewline: false);
        for (var at = _source.IndexOf("{%", _at, StringComparison.Ordinal); at >= 0; at = _source.IndexOf("{%", at + 1, StringComparison.Ordinal))
        {
            var before = SignAt(at + 2);
            if (!TryKeyword(at + 2 + (before == '\0' ? 0 : 1), "endraw", out var after, out sign))
                continue;
            AddData(_at, at, before, strips: true);
            _at = after;
            AfterTag(sign, trimsNewline: true);
            return true;
        }
        throw Fault("a raw block is not closed", tag);
    }

    /// <summary>Matches <c>keyword %}</c>; <paramref name="after"/> is what follows the tag.</summary>
    private bool TryKeyword(int at, string keyword, out int after, out char sign)
    {
        after = 0;
        sign = '\0';
        while (at < _source.Length && PythonText.IsSpace(_source[at]))
            at++;
        if (string.CompareOrdinal(_source, at, keyword, 0, keyword.Length) != 0)
            return false;
        at += keyword.Length;
        while (at < _source.Length && PythonText.IsSpace(_source[at]))
            at++;
        sign = SignAt(at);
        if (sign != '\0')
            at++;
        after = at + 2;
        return string.CompareOrdinal(_source, at, "%}", 0, 2) == 0;
    }

    private void AfterTag(char sign, bool trimsNewline)
    {
        var before = _at;
        if (sign == '-')
        {
            while (_at < _source.Length && PythonText.IsSpace(_source[_at]))
                _at++;
        }
        else if (trimsNewline && sign != '+' && _at < _source.Length && _source[_at] == '\n')
            _at++;
        _lineStarting = _at > before && _source[_at - 1] == '\n';
    }

    private void ReadTag(int tag, TokenKind begin)
    {
        var (end, close) = begin == TokenKind.VariableBegin ? (TokenKind.VariableEnd, "}}") : (TokenKind.BlockEnd, "%}");
        Add(begin, "", tag);
        // An open bracket hides the end of the tag: {{ {'a': {}} }}.
        var open = new Stack<char>();
        while (_at < _source.Length)
        {
            var c = _source[_at];
            if (open.Count == 0 && IsEnd(close, out var sign))
            {
                Add(end, "", _at);
                _at += close.Length + (sign == '\0' ? 0 : 1);
                AfterTag(sign, trimsNewline: end == TokenKind.BlockEnd);
                return;
            }
            if (PythonText.IsSpace(c))
                _at++;
            else if (char.IsAsciiDigit(c))
                ReadNumber();
            else if (char.IsLetter(c) || c == '_')
                ReadName();
            else if (c is '"' or '\'')
                ReadString(c);
            else
                ReadOperator(open);
        }
        throw Fault("a tag is not closed", tag);
    }

    private bool IsEnd(string close, out char sign)
    {
        sign = SignAt(_at);
        // {{ x +}} is not a thing: only statements may keep their newline.
        if (sign == '+' && close == "}}")
            sign = '\0';
        return string.CompareOrdinal(_source, _at + (sign == '\0' ? 0 : 1), close, 0, 2) == 0;
    }

    private void ReadName()
    {
        var start = _at;
        while (_at < _source.Length && (char.IsLetterOrDigit(_source[_at]) || _source[_at] == '_' || char.GetUnicodeCategory(_source[_at]) == System.Globalization.UnicodeCategory.NonSpacingMark))
            _at++;
        Add(TokenKind.Name, _source[start.._at], start);
    }

    private void ReadNumber()
    {
        var start = _at;
        if (_source[_at] == '0' && _at + 2 < _source.Length && (_source[_at + 1] | 0x20) is 'x' or 'o' or 'b' && char.IsAsciiHexDigit(_source[_at + 2]))
        {
            _at += 2;
            while (_at < _source.Length && (char.IsAsciiHexDigit(_source[_at]) || _source[_at] == '_'))
                _at++;
            Add(TokenKind.Integer, _source[start.._at].Replace("_", ""), start);
            return;
        }
        SkipDigits();
        var isFloat = false;
        // In foo.0.1 the digits after a dot are subscripts, not a fraction.
        var afterDot = start > 0 && _source[start - 1] == '.';
        if (!afterDot && DigitAt(_at + 1) && _source[_at] == '.')
        {
            isFloat = true;
            _at++;
            SkipDigits();
        }
        if (!afterDot && _at < _source.Length && (_source[_at] | 0x20) == 'e' && (DigitAt(_at + 1) || (SignAt(_at + 1) != '\0' && DigitAt(_at + 2))))
        {
            isFloat = true;
            _at += 2;
            SkipDigits();
        }
        Add(isFloat ? TokenKind.Float : TokenKind.Integer, _source[start.._at].Replace("_", ""), start);
    }

    private bool DigitAt(int at) => at < _source.Length && char.IsAsciiDigit(_source[at]);

    private void SkipDigits()
    {
        while (DigitAt(_at) || (_at < _source.Length && _source[_at] == '_' && DigitAt(_at + 1)))
            _at++;
    }

    private void ReadString(char quote)
    {
        var start = _at++;
        var text = new StringBuilder();
        while (true)
        {
            if (_at >= _source.Length)
                throw Fault("a string is not closed", start);
            var c = _source[_at++];
            if (c == quote)
                break;
            if (c == '\\' && _at < _source.Length)
                ReadEscape(text, start);
            else
                text.Append(c);
        }
        Add(TokenKind.String, text.ToString(), start);
    }

    private void ReadEscape(StringBuilder text, int start)
    {
        var c = _source[_at++];
        switch (c)
        {
            case '\n': break;
            case 'n': text.Append('\n'); break;
            case 't': text.Append('\t'); break;
            case 'r': text.Append('\r'); break;
            case 'a': text.Append('\a'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'v': text.Append('\v'); break;
            case '\\' or '\'' or '"': text.Append(c); break;
            case >= '0' and <= '7':
                var octal = c - '0';
                for (var i = 0; i < 2 && _at < _source.Length && _source[_at] is >= '0' and <= '7'; i++)
                    octal = octal * 8 + _source[_at++] - '0';
                text.Append((char)octal);
                break;
            case 'x': AppendHex(text, 2, start); break;
            case 'u': AppendHex(text, 4, start); break;
            case 'U': AppendHex(text, 8, start); break;
            // Python keeps the backslash of an escape it does not know.
            default: text.Append('\\').Append(c); break;
        }
    }

    private void AppendHex(StringBuilder text, int digits, int start)
    {
        if (_at + digits > _source.Length || !uint.TryParse(_source.AsSpan(_at, digits), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var code) || code > 0x10FFFF)
            throw Fault("a string has a broken escape", start);
        _at += digits;
        if (code < 0x10000)
            text.Append((char)code);
        else
            text.Append(char.ConvertFromUtf32((int)code));
    }

    private void ReadOperator(Stack<char> open)
    {
        var start = _at;
        var text = Array.Find(LongOperators, o => string.CompareOrdinal(_source, start, o, 0, 2) == 0);
        if (text is null)
        {
            var c = _source[start];
            if (!ShortOperators.Contains(c))
                throw Fault($"unexpected character '{c}'", start);
            text = c.ToString();
            if (c is '(' or '[' or '{')
                open.Push(c);
            else if (c is ')' or ']' or '}' && (!open.TryPop(out var opened) || c != (opened == '(' ? ')' : opened == '[' ? ']' : '}')))
                throw Fault($"unexpected '{c}'", start);
        }
        _at += text.Length;
        Add(TokenKind.Operator, text, start);
    }

    private void Add(TokenKind kind, string text, int at) => _tokens.Add(new Token(kind, text, Place(at)));

    private Position Place(int at)
    {
        // Tokens come in order, so lines are counted once; a fault may point back to where its tag began.
        if (at < _counted)
        {
            _line = 1;
            _lineStart = _counted = 0;
        }
        for (; _counted < at; _counted++)
        {
            if (_source[_counted] == '\n')
            {
                _line++;
                _lineStart = _counted + 1;
            }
        }
        return new Position(_line, at - _lineStart + 1);
    }

    private TemplateException Fault(string message, int at) => new(message) { At = Place(at) };
}
