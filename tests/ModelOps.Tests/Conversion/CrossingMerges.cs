using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// Adds to a byte-level vocabulary merges that are learned from texts that nothing has split: they join whatever stands side by side, so that
/// a text split otherwise than it should be gives other tokens. The few merges of a tiny tokenizer would not show it.
/// </summary>
internal static class CrossingMerges
{
    private static readonly string[] Letters = MakeLetters();

    /// <summary>Changes a tokenizer.json; new tokens get ids from <paramref name="firstId"/> on. Returns how many.</summary>
    public static int Add(JsonObject tokenizer, int firstId, IEnumerable<string> texts, int most)
    {
        var model = tokenizer["model"]!.AsObject();
        var (vocabulary, merges) = (model["vocab"]!.AsObject(), model["merges"]!.AsArray());
        var isPaired = merges.Count > 0 && merges[0] is JsonArray;
        var words = texts.Select(text => Encoding.UTF8.GetBytes(text).Select(value => Letters[value]).ToList()).ToList();
        // First what is there already, in its order.
        foreach (var merge in merges)
        {
            var parts = merge is JsonArray pair ? pair.Select(part => part!.GetValue<string>()).ToArray() : merge!.GetValue<string>().Split(' ');
            words.ForEach(word => Apply(word, parts[0], parts[1]));
        }
        // How often each pair stands in the texts; brought up to date word by word, since counting anew for every merge takes most of a test's time.
        var pairs = new Dictionary<(string Left, string Right), int>();
        words.ForEach(word => Count(word, 1));
        var count = 0;
        while (count < most)
        {
            if (MostFrequent() is not var (left, right))
                break;
            vocabulary[left + right] = firstId + count++;
            merges.Add(isPaired ? new JsonArray(left, right) : JsonValue.Create($"{left} {right}"));
            foreach (var word in words.Where(word => Holds(word, left, right)))
            {
                Count(word, -1);
                Apply(word, left, right);
                Count(word, 1);
            }
        }
        return count;

        void Count(List<string> word, int times)
        {
            for (var i = 0; i + 1 < word.Count; i++)
            {
                ref var found = ref CollectionsMarshal.GetValueRefOrAddDefault(pairs, (word[i], word[i + 1]), out _);
                found += times;
            }
        }

        // Of equally frequent ones the first by its letters; none that is a token already.
        (string Left, string Right)? MostFrequent()
        {
            (string Left, string Right)? best = null;
            var (bestCount, bestName) = (0, "");
            foreach (var (pair, found) in pairs)
            {
                if (found == 0 || found < bestCount)
                    continue;
                var name = pair.Left + pair.Right;
                if ((found > bestCount || string.CompareOrdinal(name, bestName) < 0) && !vocabulary.ContainsKey(name))
                    (best, bestCount, bestName) = (pair, found, name);
            }
            return best;
        }
    }

    private static bool Holds(List<string> word, string left, string right) => Enumerable.Range(0, Math.Max(0, word.Count - 1)).Any(i => word[i] == left && word[i + 1] == right);

    private static void Apply(List<string> word, string left, string right)
    {
        for (var i = 0; i + 1 < word.Count; i++)
        {
            if (word[i] != left || word[i + 1] != right)
                continue;
            word[i] += word[i + 1];
            word.RemoveAt(i + 1);
        }
    }

    /// <summary>The letter that stands for each byte (GPT-2's bytes_to_unicode): itself where it can be seen, else the next from U+0100 on.</summary>
    private static string[] MakeLetters()
    {
        var next = 256;
        return [.. Enumerable.Range(0, 256).Select(value => ((char)(value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? value : next++)).ToString())];
    }
}
