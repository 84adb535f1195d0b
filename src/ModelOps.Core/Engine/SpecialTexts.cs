using System.Buffers;

namespace ModelOps.Engine;

/// <summary>The texts of a vocabulary's special tokens, found in prompts in managed code.</summary>
internal sealed class SpecialTexts
{
    private readonly SearchValues<string> _any;
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _texts;
    private readonly int[] _lengths;

    public SpecialTexts(IEnumerable<string> texts)
    {
        HashSet<string> set = new(texts.Where(text => text.Length > 0), StringComparer.Ordinal);
        _any = SearchValues.Create([.. set], StringComparison.Ordinal);
        _texts = set.GetAlternateLookup<ReadOnlySpan<char>>();
        _lengths = [.. set.Select(text => text.Length).Distinct().OrderDescending()];
    }

    /// <summary>How many stand in a text one behind the other, the longest where several begin.</summary>
    public int Count(ReadOnlySpan<char> text)
    {
        int count = 0;
        for (int at; (at = text.IndexOfAny(_any)) >= 0; count++)
        {
            text = text[at..];
            int length = 1;
            foreach (int candidate in _lengths)
            {
                if (candidate <= text.Length && _texts.Contains(text[..candidate]))
                {
                    length = candidate;
                    break;
                }
            }
            text = text[length..];
        }
        return count;
    }
}
