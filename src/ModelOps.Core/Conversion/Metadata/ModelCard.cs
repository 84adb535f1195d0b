using System.Text;

namespace ModelOps.Conversion;

/// <summary>
/// The front matter of a README.md: top-level keys with a text or a list of texts. That is the part of YAML which model cards use for what
/// is copied into a GGUF; nested structures (evaluation results, widgets) are skipped.
/// </summary>
internal sealed class ModelCard
{
    private const long MaximumBytes = 16 << 20;

    private readonly Dictionary<string, IReadOnlyList<string>> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _lists = new(StringComparer.Ordinal);

    private ModelCard()
    {
    }

    /// <summary>A text; the first of <paramref name="keys"/> that has one. Null when none has.</summary>
    public string? FindText(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            if (_values.TryGetValue(key, out var values) && !_lists.Contains(key))
                return values[0];
        }
        return null;
    }

    /// <summary>A list, or a text as a list of one; null when the key is absent.</summary>
    public IReadOnlyList<string>? FindList(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            if (_values.TryGetValue(key, out var values))
                return values;
        }
        return null;
    }

    /// <summary>Reads a README.md; an empty card when there is no file or no front matter.</summary>
    public static ModelCard Read(string? path) => Parse(ReadText(path));

    /// <summary>All of a README.md; empty when there is no file.</summary>
    public static string ReadText(string? path) => path is null ? "" : Encoding.UTF8.GetString(CheckpointJson.ReadBytes(path, MaximumBytes));

    internal static ModelCard Parse(string text)
    {
        var card = new ModelCard();
        var lines = text.TrimStart('\uFEFF').ReplaceLineEndings("\n").Split('\n');
        var end = Array.IndexOf(lines, "---", 1);
        if (lines[0] != "---")
            return card;
        card.ParseLines(lines.AsSpan(1, (end < 0 ? lines.Length : end) - 1));
        return card;
    }

    private void ParseLines(ReadOnlySpan<string> lines)
    {
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            var colon = KeyEnd(line);
            if (colon < 0)
                continue;
            var key = Unquote(line[..colon].Trim());
            var value = StripComment(line[(colon + 1)..]).Trim();
            if (value.Length > 0)
            {
                if (value is ['[', .., ']'])
                    Set(key, SplitFlow(value[1..^1]), list: true);
                else if (value[0] is not ('|' or '>' or '{' or '[' or '&' or '*') && !IsNull(value))
                    Set(key, [Unquote(value)], list: false);
                continue;
            }
            var items = new List<string>();
            for (; i + 1 < lines.Length && IsNested(lines[i + 1]); i++)
            {
                var item = lines[i + 1].Trim();
                if (item.StartsWith("- ", StringComparison.Ordinal) && Unquote(StripComment(item[2..]).Trim()) is { Length: > 0 } entry && !(KeyEnd(item[2..].Trim()) >= 0))
                    items.Add(entry);
            }
            if (items.Count > 0)
                Set(key, items, list: true);
        }
    }

    private void Set(string key, IReadOnlyList<string> values, bool list)
    {
        if (values.Count == 0)
            return;
        _values[key] = values;
        if (list)
            _lists.Add(key);
    }

    /// <summary>Position of the colon of a top-level <c>key:</c>; −1 when the line is none.</summary>
    private static int KeyEnd(string line)
    {
        if (line.Length == 0 || char.IsWhiteSpace(line[0]) || line[0] is '#' or '-')
            return -1;
        var colon = line.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && (colon == line.Length - 1 || line[colon + 1] == ' ') ? colon : -1;
    }

    private static bool IsNested(string line) => line.Length == 0 || char.IsWhiteSpace(line[0]) || line[0] is '-' or '#';

    private static bool IsNull(string value) => value is "null" or "Null" or "NULL" or "~";

    private static List<string> SplitFlow(string inner)
        => [.. inner.Split(',').Select(item => Unquote(item.Trim())).Where(item => item.Length > 0)];

    private static string StripComment(string value)
    {
        if (value.TrimStart() is ['"' or '\'', ..])
            return value;
        var hash = value.IndexOf(" #", StringComparison.Ordinal);
        return hash < 0 ? value : value[..hash];
    }

    private static string Unquote(string value) => value switch
    {
        ['"', .. var inner, '"'] => inner.Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal),
        ['\'', .. var inner, '\''] => inner.Replace("''", "'", StringComparison.Ordinal),
        _ => value,
    };
}
