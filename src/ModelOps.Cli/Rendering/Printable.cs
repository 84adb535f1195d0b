using System.Text;

namespace ModelOps.Cli.Rendering;

/// <summary>Text from elsewhere (names, metadata, a model's answer) that must not drive the terminal.</summary>
internal static class Printable
{
    /// <summary>The text with control characters shown (<c>ESC</c> as ␛) instead of obeyed; line ends and tabs stay.</summary>
    public static string Clean(string text)
    {
        if (!text.AsSpan().ContainsAny(Controls))
        {
            return text;
        }
        var result = new StringBuilder(text.Length);
        foreach (var character in text)
        {
            result.Append(character switch
            {
                '\n' or '\t' => character,
                '\r' => '\r',
                < ' ' => (char)(0x2400 + character), // Unicode's control pictures
                '\x7f' => '\u2421',
                >= '\x80' and <= '\x9f' => '\ufffd',
                _ => character,
            });
        }
        return result.ToString();
    }

    /// <summary>One line of at most <paramref name="length"/> characters.</summary>
    public static string Line(string text, int length)
    {
        var line = Clean(text).ReplaceLineEndings("⏎").Replace('\t', ' ');
        return line.Length <= length ? line : string.Concat(line.AsSpan(0, length - 1), "…");
    }

    private static readonly System.Buffers.SearchValues<char> Controls = System.Buffers.SearchValues.Create(
        [.. Enumerable.Range(0, 0xa0).Select(code => (char)code).Where(character => char.IsControl(character) && character is not ('\n' or '\t' or '\r'))]);
}
