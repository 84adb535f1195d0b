using System.Text;

namespace ModelOps.Engine;

/// <summary>
/// Makes text of token bytes as they come: holds back an incomplete character, and what may be the beginning of a stop string; nothing
/// from a stop string on is ever given out.
/// </summary>
internal sealed class AnswerText
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly IReadOnlyList<string> _stops;
    private readonly StringBuilder _given = new();
    private string _held = "";
    private char[] _characters = new char[64];

    /// <param name="stops">Stop strings; empty ones are ignored.</param>
    public AnswerText(IEnumerable<string> stops) => _stops = [.. stops.Where(stop => stop.Length > 0)];

    /// <summary>Whether a stop string was met.</summary>
    public bool Stopped { get; private set; }

    /// <summary>All text given out so far.</summary>
    public override string ToString() => _given.ToString();

    /// <summary>Takes the bytes of the next token; returns the text that is certain now. With <paramref name="last"/>, all that was held back.</summary>
    public string Push(ReadOnlySpan<byte> bytes, bool last)
    {
        if (bytes.Length + 4 > _characters.Length)
        {
            _characters = new char[bytes.Length + 4];
        }
        int count = _decoder.GetChars(bytes, _characters, flush: last);
        string text = _held.Length == 0 ? new string(_characters, 0, count) : string.Concat(_held, _characters.AsSpan(0, count));
        _held = "";
        if (_stops.Count > 0)
        {
            int stop = FirstStop(text);
            int end = stop >= 0 ? stop : last ? text.Length : text.Length - PossibleStart(text);
            Stopped = stop >= 0;
            _held = Stopped ? "" : text[end..];
            text = text[..end];
        }
        _given.Append(text);
        return text;
    }

    private int FirstStop(string text)
    {
        int first = -1;
        foreach (string stop in _stops)
        {
            int position = text.IndexOf(stop, StringComparison.Ordinal);
            first = position >= 0 && (first < 0 || position < first) ? position : first;
        }
        return first;
    }

    /// <summary>Length of the longest end of the text that a stop string begins with.</summary>
    private int PossibleStart(string text)
    {
        int longest = 0;
        foreach (string stop in _stops)
        {
            for (int length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                {
                    longest = length;
                }
            }
        }
        return longest;
    }
}
