using System.Text;

namespace ModelOps.Conversion;

/// <summary>
/// Reads the YAML of a model card: block maps and lists, scalars plain, quoted and in blocks, flow lists and maps. Anchors, tags and
/// several documents are not known; what cannot be understood is skipped, as a card is no reason not to convert a model.
/// </summary>
internal sealed class CardReader
{
    private readonly string[] _lines;
    private int _at;

    private CardReader(IEnumerable<string> lines) => _lines = [.. lines];

    /// <summary>The map of the lines; empty when they hold none.</summary>
    public static CardMap Read(IEnumerable<string> lines) => new CardReader(lines).ReadMap(0, CardScalars.MaximumDepth);

    private CardMap ReadMap(int indent, int depth)
    {
        var values = new Dictionary<string, CardNode?>(StringComparer.Ordinal);
        while (Significant() && Indent(_lines[_at]) is var found && found >= indent)
        {
            var line = _lines[_at][found..];
            var colon = found > indent ? -1 : CardScalars.KeyEnd(line);
            if (colon < 0 && found == indent && indent > 0 && IsItem(line))
                break;
            _at++;
            if (colon < 0)
                continue;
            var key = line[..colon].Trim();
            values[key[0] is '"' or '\'' && key.Length > 1 ? CardScalars.Unquote(key) : key] = ReadValue(line[(colon + 1)..].Trim(), indent, isKey: true, depth);
        }
        return new CardMap(values);
    }

    private CardList ReadList(int indent, int depth)
    {
        var items = new List<CardNode?>();
        while (Significant() && Indent(_lines[_at]) == indent && IsItem(_lines[_at][indent..]))
        {
            var content = _lines[_at][(indent + 1)..].TrimStart();
            if (depth > 0 && (CardScalars.KeyEnd(content) >= 0 || IsItem(content)))
            {
                // What follows the dash is a collection that starts there.
                _lines[_at] = new string(' ', _lines[_at].TrimEnd().Length - content.TrimEnd().Length) + content.TrimEnd();
                items.Add(ReadBlock(Indent(_lines[_at]), depth - 1));
                continue;
            }
            _at++;
            items.Add(ReadValue(content.Trim(), indent, isKey: false, depth));
        }
        return new CardList(items);
    }

    private CardNode? ReadBlock(int indent, int depth)
    {
        var line = _lines[_at][indent..];
        if (IsItem(line))
            return ReadList(indent, depth);
        if (CardScalars.KeyEnd(line) >= 0)
            return ReadMap(indent, depth);
        _at++;
        return ReadValue(line.Trim(), indent - 1, isKey: false, depth);
    }

    /// <summary>What stands behind a colon or a dash of a line with <paramref name="indent"/>, and on the lines that belong to it.</summary>
    private CardNode? ReadValue(string text, int indent, bool isKey, int depth)
    {
        switch (text)
        {
            case "" or ['#', ..]:
                if (depth == 0 || !Significant())
                    return null;
                var next = Indent(_lines[_at]);
                return next > indent || (isKey && next == indent && IsItem(_lines[_at][next..])) ? ReadBlock(next, depth - 1) : null;
            case ['|' or '>', ..]:
                return new CardText(ReadBlockText(CardScalars.StripComment(text).Trim(), indent));
            case ['"' or '\'', ..]:
                for (; CardScalars.QuoteEnd(text, 0) < 0 && Continues(indent); _at++)
                    text = Join(text, _lines[_at].Trim());
                return CardScalars.QuoteEnd(text, 0) is >= 0 and var end ? new CardText(CardScalars.Unquote(text[..(end + 1)])) : null;
            case ['[' or '{', ..]:
                // Brackets may close where the key stands.
                for (text = CardScalars.StripComment(text); CardScalars.OpenBrackets(text) > 0 && _at < _lines.Length && (Continues(indent) || _lines[_at].Trim() is "]" or "}"); _at++)
                    text += " " + CardScalars.StripComment(_lines[_at].Trim());
                return CardScalars.Flow(text);
            case ['&' or '*' or '!' or '%' or '@' or '`', ..]:
                return null;
        }
        var plain = CardScalars.StripComment(text).Trim();
        for (; plain.Length == text.Length && Continues(indent) && _lines[_at].TrimStart() is not ['#', ..]; _at++)
        {
            text = CardScalars.StripComment(_lines[_at].Trim());
            plain = Join(plain, text.Trim());
            text = text.Length == _lines[_at].Trim().Length ? plain : text;
        }
        return CardScalars.Plain(plain.TrimEnd('\n'));
    }

    /// <summary>A text over several lines, as it stands (|) or with its lines joined (&gt;).</summary>
    private string ReadBlockText(string header, int indent)
    {
        var lines = new List<string>();
        var own = header.FirstOrDefault(char.IsAsciiDigit) is var digit and not '\0' ? indent + (digit - '0') : -1;
        for (; _at < _lines.Length && (_lines[_at].Trim().Length == 0 || Indent(_lines[_at]) > indent); _at++)
        {
            if (own < 0 && _lines[_at].Trim().Length > 0)
                own = Indent(_lines[_at]);
            lines.Add(own >= 0 && _lines[_at].Length > own ? _lines[_at][own..] : "");
        }
        var last = lines.FindLastIndex(line => line.Length > 0);
        var text = new StringBuilder();
        for (var i = 0; i <= last; i++)
        {
            if (i > 0)
                text.Append(header[0] == '>' ? Folded(lines, i) : "\n");
            text.Append(lines[i]);
        }
        if (last >= 0 && !header.Contains('-'))
            text.Append('\n');
        return header.Contains('+') ? text.Append('\n', lines.Count - last - 1).ToString() : text.ToString();
    }

    /// <summary>What a line's end becomes: a space, but nothing before an empty line, and itself around lines that are indented further.</summary>
    private static string Folded(List<string> lines, int at)
    {
        var next = lines.Skip(at).First(line => line.Length > 0);
        var previous = lines[at - 1];
        if (next[0] == ' ' || previous is [' ', ..] or "")
            return "\n";
        return lines[at].Length > 0 ? " " : "";
    }

    /// <summary>Lines of a text become one; an empty one between them a line's end.</summary>
    private static string Join(string text, string line) => line.Length == 0 ? text + "\n" : text.EndsWith('\n') ? text + line : $"{text} {line}";

    /// <summary>Whether the next line, or the one after empty ones, is indented further.</summary>
    private bool Continues(int indent)
        => _at < _lines.Length && Array.FindIndex(_lines, _at, line => line.Trim().Length > 0) is >= 0 and var next && Indent(_lines[next]) > indent;

    /// <summary>Goes to the next line that says something; false at the end.</summary>
    private bool Significant()
    {
        while (_at < _lines.Length && _lines[_at].TrimStart() is "" or ['#', ..])
            _at++;
        return _at < _lines.Length;
    }

    private static int Indent(string line) => line.Length - line.TrimStart(' ').Length;

    private static bool IsItem(string line) => line is ['-'] or ['-', ' ', ..];
}
