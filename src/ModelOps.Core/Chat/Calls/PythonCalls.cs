using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace ModelOps.Chat.Calls;

/// <summary>Calls as Python writes them, in a list: <c>[name(key='text', other=1), …]</c> (LFM2, Llama 4's short models). Literals may be JSON's.</summary>
internal sealed class PythonCalls : IToolCallReader
{
    private const int MostLevels = 64;

    public IReadOnlyList<ToolCall>? Read(string section, ToolBox tools)
    {
        Cursor cursor = new(section);
        List<ToolCall> calls = [];
        bool isList = cursor.Take('[');
        do
        {
            if (cursor.Word() is not { Length: > 0 } name || !cursor.Take('(') || Arguments(cursor) is not { } arguments || tools.Call(name, arguments) is not { } call)
            {
                return null;
            }
            calls.Add(call);
        }
        while (cursor.Take(','));
        return (!isList || cursor.Take(']')) && cursor.AtEnd ? calls : null;
    }

    public bool IsCut(string section)
    {
        char quote = '\0';
        for (int i = 0; i < section.Length; i++)
        {
            if (quote == '\0')
            {
                quote = section[i] is '\'' or '"' ? section[i] : '\0';
            }
            else if (section[i] == '\\')
            {
                i++;
            }
            else if (section[i] == quote)
            {
                quote = '\0';
            }
        }
        return quote != '\0';
    }

    private static JsonObject? Arguments(Cursor cursor)
    {
        JsonObject arguments = [];
        if (cursor.Take(')'))
        {
            return arguments;
        }
        do
        {
            if (cursor.Word() is not { Length: > 0 } key || !cursor.Take('=') || !TryValue(cursor, 0, out JsonNode? value))
            {
                return null;
            }
            arguments[key] = value;
        }
        while (cursor.Take(','));
        return cursor.Take(')') ? arguments : null;
    }

    private static bool TryValue(Cursor cursor, int level, out JsonNode? value)
    {
        value = null;
        if (level > MostLevels)
        {
            return false;
        }
        if (cursor.Text() is { } text)
        {
            value = JsonValue.Create(text);
            return true;
        }
        if (cursor.Take('['))
        {
            JsonArray items = [];
            value = items;
            while (!cursor.Take(']'))
            {
                if ((items.Count > 0 && !cursor.Take(',')) || !TryValue(cursor, level + 1, out JsonNode? item))
                {
                    return false;
                }
                items.Add(item);
            }
            return true;
        }
        if (cursor.Take('{'))
        {
            JsonObject members = [];
            value = members;
            while (!cursor.Take('}'))
            {
                if ((members.Count > 0 && !cursor.Take(',')) || cursor.Text() is not { } key || !cursor.Take(':') || !TryValue(cursor, level + 1, out JsonNode? member))
                {
                    return false;
                }
                members[key] = member;
            }
            return true;
        }
        string word = cursor.Word();
        value = word switch
        {
            "True" or "true" => JsonValue.Create(true),
            "False" or "false" => JsonValue.Create(false),
            _ => ToolBox.Parse(word) as JsonValue,
        };
        return value is not null || word is "None" or "null";
    }

    private sealed class Cursor(string text)
    {
        private int _at;

        public bool AtEnd
        {
            get
            {
                Space();
                return _at == text.Length;
            }
        }

        public bool Take(char c)
        {
            Space();
            if (_at == text.Length || text[_at] != c)
            {
                return false;
            }
            _at++;
            return true;
        }

        /// <summary>A name, a number or a constant.</summary>
        public string Word()
        {
            Space();
            int from = _at;
            while (_at < text.Length && (char.IsLetterOrDigit(text[_at]) || text[_at] is '_' or '.' or '-' or '+'))
            {
                _at++;
            }
            return text[from.._at];
        }

        /// <summary>A quoted text; null where none stands here.</summary>
        public string? Text()
        {
            Space();
            if (_at == text.Length || text[_at] is not ('\'' or '"'))
            {
                return null;
            }
            char quote = text[_at];
            StringBuilder value = new();
            for (int i = _at + 1; i < text.Length; i++)
            {
                if (text[i] == quote)
                {
                    _at = i + 1;
                    return value.ToString();
                }
                if (text[i] != '\\' || i + 1 == text.Length)
                {
                    value.Append(text[i]);
                }
                else if (text[++i] == 'u' && i + 4 < text.Length && ushort.TryParse(text.AsSpan(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort unit))
                {
                    value.Append((char)unit);
                    i += 4;
                }
                else
                {
                    value.Append(text[i] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', var c => c });
                }
            }
            return null;
        }

        private void Space()
        {
            while (_at < text.Length && char.IsWhiteSpace(text[_at]))
            {
                _at++;
            }
        }
    }
}
