using System.Text.RegularExpressions;

namespace ModelOps.Hardware;

/// <summary>A model of a card: its memory's bandwidth by the maker's specification, and what it was measured to do.</summary>
/// <param name="Name">The words of its name that tell it from others.</param>
/// <param name="Bandwidth">Bandwidth in bytes a second.</param>
/// <param name="Generation">tg128 of the reference workload in tokens a second (Llama 2 7B in Q4_0); null when it was not measured.</param>
/// <param name="Prompt">pp512 of the same.</param>
/// <param name="Stacked">Whether its memory is stacked (HBM), of which the same generation's kernels use a smaller share.</param>
internal sealed partial record GraphicsCard(string Name, double Bandwidth, double? Generation, double? Prompt, bool Stacked)
{
    // What makes it another card however the name goes on: a row must say it as often, or it is not meant.
    private static readonly HashSet<string> Telling = new(["Laptop", "Mobile", "Max", "Q", "Pro", "Ultra"], StringComparer.OrdinalIgnoreCase);

    private static readonly (GraphicsCard Card, string[] Words)[] Rows =
        [.. GraphicsCardTable.Rows.Select(card => (card, Words(card.Name))).OrderByDescending(row => row.Item2.Length)];

    /// <summary>
    /// The card that a device's name means: the row of which all words stand in the name, one after another; of several the longest. Whole words only,
    /// so that a T400 is no T4.
    /// </summary>
    public static GraphicsCard? Find(string deviceName)
    {
        var words = Words(deviceName);
        var telling = words.Count(Telling.Contains);
        return Rows.FirstOrDefault(row => Contains(words, row.Words) && row.Words.Count(Telling.Contains) == telling).Card;
    }

    private static bool Contains(string[] words, string[] wanted)
    {
        for (var start = 0; start + wanted.Length <= words.Length; start++)
        {
            if (wanted.AsSpan().SequenceEqual(words.AsSpan(start, wanted.Length), StringComparer.OrdinalIgnoreCase))
            {
                return true;
            }
        }
        return false;
    }

    // "RX 7900XTX" and "RX 7900 XTX" are the same card: letters after digits are a word of their own, unless a letter leads (H100, MI50).
    private static string[] Words(string name)
        => [.. Word().Matches(Marks().Replace(name, " ")).Select(match => match.Value)];

    [GeneratedRegex(@"\((R|TM|C)\)|[®™]", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Marks();

    [GeneratedRegex(@"[A-Za-z][A-Za-z0-9]*|[0-9]+", RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
