using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// Whether it matters that whole words skip merging (tokenizer.json's <c>ignore_merges</c>): not where every token of the vocabulary is what
/// merging makes of its text anyway.
/// </summary>
internal static class WholeWords
{
    /// <summary>Far more steps than the largest vocabulary takes.</summary>
    private const long MaximumSteps = 1L << 31;

    /// <summary>
    /// Whether merging the text of any token gives the token; added tokens are found before words are. False as well when there is no
    /// vocabulary to say it of.
    /// </summary>
    public static bool AllMerge(JsonElement tokenizer)
    {
        var model = tokenizer.GetProperty("model");
        if (!model.TryGetProperty("vocab", out var vocabulary) || vocabulary.ValueKind != JsonValueKind.Object)
            return false;
        var ranks = new Dictionary<(string, string), int>();
        foreach (var pair in Merges.Read(model))
            ranks.TryAdd(pair, ranks.Count);
        var added = tokenizer.TryGetProperty("added_tokens", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select(token => token.GetProperty("content").GetString()).ToHashSet()
            : [];
        var steps = 0L;
        foreach (var token in vocabulary.EnumerateObject().Where(token => !added.Contains(token.Name)))
        {
            steps += (long)token.Name.Length * token.Name.Length;
            if (steps > MaximumSteps || !IsMerged(token.Name))
                return false;
        }
        return true;

        bool IsMerged(string text)
        {
            var symbols = text.Select(letter => letter.ToString()).ToList();
            while (symbols.Count > 1)
            {
                var (best, at) = (int.MaxValue, -1);
                for (var i = 0; i + 1 < symbols.Count; i++)
                {
                    if (ranks.TryGetValue((symbols[i], symbols[i + 1]), out var rank) && rank < best)
                        (best, at) = (rank, i);
                }
                if (at < 0)
                    return false;
                symbols[at] += symbols[at + 1];
                symbols.RemoveAt(at + 1);
            }
            return true;
        }
    }
}
