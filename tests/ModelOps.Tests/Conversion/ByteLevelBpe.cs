using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// A byte-level BPE by its definition, slowly: split by tokenizer.json's expressions, spell bytes as letters, merge the pair of lowest rank
/// until none is left (Sennrich et al. 2016; GPT-2's byte alphabet).
/// </summary>
internal sealed class ByteLevelBpe
{
    private readonly List<Regex> _splits = [];
    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<(string Left, string Right), int> _ranks = [];
    private readonly string[] _letters = new string[256];

    public ByteLevelBpe(string tokenizerJson)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(tokenizerJson));
        var root = document.RootElement;
        foreach (var step in root.GetProperty("pre_tokenizer").GetProperty("pretokenizers").EnumerateArray().Where(step => step.GetProperty("type").GetString() == "Split"))
            _splits.Add(new Regex(step.GetProperty("pattern").GetProperty("Regex").GetString()!, RegexOptions.CultureInvariant));
        var model = root.GetProperty("model");
        _vocabulary = model.GetProperty("vocab").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt32());
        foreach (var merge in model.GetProperty("merges").EnumerateArray())
        {
            string[] pair = merge.ValueKind == JsonValueKind.String ? merge.GetString()!.Split(' ') : [.. merge.EnumerateArray().Select(part => part.GetString()!)];
            _ranks.Add((pair[0], pair[1]), _ranks.Count);
        }
        // Printable Latin-1 bytes are their own letters, the others follow from 256 on.
        var next = 256;
        for (var value = 0; value < 256; value++)
            _letters[value] = ((char)(value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? value : next++)).ToString();
    }

    public List<int> Encode(string text)
    {
        IEnumerable<string> pieces = [text];
        foreach (var split in _splits)
            pieces = pieces.SelectMany(piece => Isolate(split, piece)).ToList();
        return [.. pieces.SelectMany(Merge).Select(token => _vocabulary[token])];
    }

    private static IEnumerable<string> Isolate(Regex split, string piece)
    {
        var end = 0;
        foreach (Match match in split.Matches(piece))
        {
            if (match.Index > end)
                yield return piece[end..match.Index];
            yield return match.Value;
            end = match.Index + match.Length;
        }
        if (end < piece.Length)
            yield return piece[end..];
    }

    private List<string> Merge(string piece)
    {
        List<string> parts = [.. Encoding.UTF8.GetBytes(piece).Select(value => _letters[value])];
        while (true)
        {
            var best = Enumerable.Range(0, Math.Max(0, parts.Count - 1)).Where(i => _ranks.ContainsKey((parts[i], parts[i + 1]))).DefaultIfEmpty(-1).MinBy(i => i < 0 ? 0 : _ranks[(parts[i], parts[i + 1])]);
            if (best < 0)
                return parts;
            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }
    }
}
