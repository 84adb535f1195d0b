using System.Text.Json.Nodes;

namespace ModelOps.Chat.Calls;

/// <summary>Gemma 4's calls: <c>call:name{key:&lt;|"|&gt;text&lt;|"|&gt;,other:1}</c>, values like JSON's but for the quotes, and keys without any.</summary>
internal sealed class GemmaCalls : IToolCallReader
{
    private const string Call = "call:";
    private const string Quote = "<|\"|>";
    private const int MostLevels = 64;

    public IReadOnlyList<ToolCall>? Read(string section, ToolBox tools)
    {
        string text = section.Trim();
        int brace = text.IndexOf('{');
        if (!text.StartsWith(Call, StringComparison.Ordinal) || brace < 0)
        {
            return null;
        }
        int at = brace;
        return TryValue(text, ref at, 0, out JsonNode? arguments) && at == text.Length && tools.Call(text[Call.Length..brace].Trim(), arguments) is { } call ? [call] : null;
    }

    public bool IsCut(string section) => section.AsSpan().Count(Quote) % 2 == 1;

    private static bool TryValue(string text, ref int at, int level, out JsonNode? value)
    {
        value = null;
        Space(text, ref at);
        if (level > MostLevels || at == text.Length)
        {
            return false;
        }
        if (text[at] == '{')
        {
            JsonObject members = [];
            value = members;
            return Sequence(text, ref at, '}', (ref int from) =>
            {
                int colon = text.IndexOf(':', from);
                if (colon < 0)
                {
                    return false;
                }
                string key = text[from..colon].Trim();
                from = colon + 1;
                if (!TryValue(text, ref from, level + 1, out JsonNode? member))
                {
                    return false;
                }
                members[key.StartsWith(Quote, StringComparison.Ordinal) && key.Length >= 2 * Quote.Length ? key[Quote.Length..^Quote.Length] : key] = member;
                return true;
            });
        }
        if (text[at] == '[')
        {
            JsonArray items = [];
            value = items;
            return Sequence(text, ref at, ']', (ref int from) =>
            {
                bool isValue = TryValue(text, ref from, level + 1, out JsonNode? item);
                items.Add(item);
                return isValue;
            });
        }
        if (text.AsSpan(at).StartsWith(Quote))
        {
            int end = text.IndexOf(Quote, at + Quote.Length, StringComparison.Ordinal);
            value = end < 0 ? null : JsonValue.Create(text[(at + Quote.Length)..end]);
            at = end + Quote.Length;
            return end >= 0;
        }
        int stop = text.AsSpan(at).IndexOfAny(",]}");
        string word = stop < 0 ? text[at..] : text.Substring(at, stop);
        at += word.Length;
        value = ToolBox.Parse(word.Trim());
        return value is JsonValue || word.Trim() == "null";
    }

    private delegate bool Element(ref int at);

    private static bool Sequence(string text, ref int at, char end, Element element)
    {
        at++;
        Space(text, ref at);
        if (at < text.Length && text[at] == end)
        {
            at++;
            return true;
        }
        while (element(ref at))
        {
            Space(text, ref at);
            if (at == text.Length || (text[at] != ',' && text[at] != end))
            {
                return false;
            }
            if (text[at++] == end)
            {
                return true;
            }
        }
        return false;
    }

    private static void Space(string text, ref int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }
    }
}
