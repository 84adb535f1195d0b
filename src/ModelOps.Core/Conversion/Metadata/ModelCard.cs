using System.Text;

namespace ModelOps.Conversion;

/// <summary>The front matter of a README.md, asked as gguf-py asks it.</summary>
internal sealed class ModelCard
{
    private const long MaximumBytes = 16 << 20;

    private static readonly ModelCard Empty = new(new CardMap(new Dictionary<string, CardNode?>()));

    private readonly CardMap _map;

    private ModelCard(CardMap map) => _map = map;

    /// <summary>A text; the first of <paramref name="keys"/> that has one. Null when none has.</summary>
    public string? FindText(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            if (_map.FindText(key) is { } text)
                return text;
        }
        return null;
    }

    /// <summary>The texts of a list, or a text as a list of one; null when the key is absent or has something else.</summary>
    public IReadOnlyList<string>? FindList(string key) => _map.Values.GetValueOrDefault(key) switch
    {
        CardText text => [text.Value],
        CardList list => [.. list.Items.OfType<CardText>().Select(text => text.Value)],
        _ => null,
    };

    /// <summary>
    /// The items of a list, or a value as a list of one, of the first of <paramref name="keys"/> that is there – be it without a value,
    /// which is an empty list. Null when none is there.
    /// </summary>
    public IReadOnlyList<CardNode?>? FindItems(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            if (_map.Values.TryGetValue(key, out var value))
                return value switch { CardText => [value], CardList list => list.Items, _ => [] };
        }
        return null;
    }

    /// <summary>Reads a README.md; an empty card when there is no file or no front matter.</summary>
    public static ModelCard Read(string? path) => Parse(ReadText(path));

    /// <summary>All of a README.md; empty when there is no file.</summary>
    public static string ReadText(string? path) => path is null ? "" : Encoding.UTF8.GetString(CheckpointJson.ReadBytes(path, MaximumBytes));

    internal static ModelCard Parse(string text)
    {
        // A tab is no indentation to YAML, but to some who write cards (and to gguf-py).
        var lines = text.TrimStart('\uFEFF').ReplaceLineEndings("\n").Replace("\t", "  ", StringComparison.Ordinal).Split('\n');
        if (lines[0] != "---")
            return Empty;
        var end = Array.IndexOf(lines, "---", 1);
        return new ModelCard(CardReader.Read(lines[1..(end < 0 ? lines.Length : end)]));
    }
}
