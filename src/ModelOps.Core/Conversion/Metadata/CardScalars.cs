using System.Globalization;
using System.Text;

namespace ModelOps.Conversion;

/// <summary>Scalars and flow collections of YAML: what stands behind a colon or a dash.</summary>
internal static class CardScalars
{
    /// <summary>Collections inside collections; beyond it a card is nonsense.</summary>
    public const int MaximumDepth = 32;

    /// <summary>Position of the colon that ends a key; −1 when the text does not start with one.</summary>
    public static int KeyEnd(string text)
    {
        var from = 0;
        if (text is ['"' or '\'', ..])
            from = QuoteEnd(text, 0) is var end && end < 0 ? text.Length : end + 1;
        else if (text.Length == 0 || "#[]{},|>&*!%@`".Contains(text[0]) || text is ['-'] or ['-', ' ', ..])
            return -1;
        for (var i = from; i < text.Length; i++)
        {
            if (text[i] == '#' && i > 0 && text[i - 1] == ' ')
                return -1;
            if (text[i] == ':' && i > 0 && (i == text.Length - 1 || text[i + 1] == ' '))
                return i;
            if (from > 0 && text[i] != ' ')
                return -1;
        }
        return -1;
    }

    /// <summary>Position of the quote that ends the text which starts at <paramref name="start"/>; −1 when there is none.</summary>
    public static int QuoteEnd(string text, int start)
    {
        var quote = text[start];
        for (var i = start + 1; i < text.Length; i++)
        {
            if (quote == '"' && text[i] == '\\')
                i++;
            else if (text[i] == quote && quote == '\'' && i + 1 < text.Length && text[i + 1] == quote)
                i++;
            else if (text[i] == quote)
                return i;
        }
        return -1;
    }

    /// <summary>A plain text without its comment.</summary>
    public static string StripComment(string text)
    {
        if (text is ['#', ..])
            return "";
        var hash = text.IndexOf(" #", StringComparison.Ordinal);
        return hash < 0 ? text : text[..hash];
    }

    /// <summary>A plain text as a value.</summary>
    public static CardNode? Plain(string text) => text is "" or "null" or "Null" or "NULL" or "~" ? null : new CardText(text);

    /// <summary>What stands between a text's first quote and its last.</summary>
    public static string Unquote(string text) => text[0] == '\''
        ? text[1..^1].Replace("''", "'", StringComparison.Ordinal)
        : Unescape(text[1..^1]);

    /// <summary>How many brackets are open at the end of a text.</summary>
    public static int OpenBrackets(string text)
    {
        var open = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is '"' or '\'' && (i == 0 || text[i - 1] is ' ' or '[' or '{' or ',' or ':'))
                i = QuoteEnd(text, i) is var end && end < 0 ? text.Length : end;
            else if (text[i] is '[' or '{')
                open++;
            else if (text[i] is ']' or '}')
                open--;
        }
        return open;
    }

    /// <summary>A list in brackets or a map in braces.</summary>
    public static CardNode? Flow(string text)
    {
        var at = 0;
        return ReadFlow(text, ref at, MaximumDepth);
    }

    private static CardNode? ReadFlow(string text, ref int at, int depth)
    {
        SkipSpaces(text, ref at);
        if (at >= text.Length)
            return null;
        if (text[at] is not ('[' or '{') || depth == 0)
            return ReadFlowScalar(text, ref at);
        var isMap = text[at++] == '{';
        var (items, values) = (new List<CardNode?>(), new Dictionary<string, CardNode?>(StringComparer.Ordinal));
        while (true)
        {
            SkipSpaces(text, ref at);
            if (at >= text.Length || text[at] is ']' or '}')
                break;
            var start = at;
            var item = ReadFlow(text, ref at, depth - 1);
            SkipSpaces(text, ref at);
            if (at < text.Length && text[at] == ':')
            {
                at++;
                var value = ReadFlow(text, ref at, depth - 1);
                if (isMap && item is CardText key)
                    values[key.Value] = value;
                item = new CardMap(new Dictionary<string, CardNode?>(StringComparer.Ordinal));
            }
            items.Add(item);
            SkipSpaces(text, ref at);
            if (at < text.Length && text[at] == ',')
                at++;
            else if (at == start)
                at++;
        }
        at++;
        return isMap ? new CardMap(values) : new CardList(items);
    }

    private static CardNode? ReadFlowScalar(string text, ref int at)
    {
        var start = at;
        if (text[at] is '"' or '\'' && QuoteEnd(text, at) is >= 0 and var end)
        {
            at = end + 1;
            return new CardText(Unquote(text[start..at]));
        }
        while (at < text.Length && text[at] is not (',' or ']' or '}' or '[' or '{') && !(text[at] == ':' && (at + 1 == text.Length || text[at + 1] is ' ' or ',' or ']' or '}')))
            at++;
        return Plain(text[start..at].Trim());
    }

    private static void SkipSpaces(string text, ref int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
            at++;
    }

    private static string Unescape(string text)
    {
        var output = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                output.Append(text[i]);
                continue;
            }
            var length = text[++i] switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (length > 0 && i + length < text.Length && int.TryParse(text.AsSpan(i + 1, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
                && code is >= 0 and <= 0x10FFFF and not (>= 0xD800 and <= 0xDFFF))
            {
                output.Append(char.ConvertFromUtf32(code));
                i += length;
                continue;
            }
            output.Append(text[i] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', '0' => '\0', 'a' => '\a', 'b' => '\b', 'v' => '\v', 'f' => '\f', 'e' => '\e', '_' => '\u00A0', 'N' => '\u0085', var other => other });
        }
        return output.ToString();
    }
}
