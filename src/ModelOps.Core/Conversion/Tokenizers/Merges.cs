using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Merges of a tokenizer.json: <c>"a b"</c>, or <c>["a", "b"]</c> since transformers 4.45.</summary>
internal static class Merges
{
    /// <summary>Pairs, best first.</summary>
    public static List<(string Left, string Right)> Read(JsonElement model)
    {
        var pairs = new List<(string, string)>();
        if (!model.TryGetProperty("merges", out var merges) || merges.ValueKind != JsonValueKind.Array)
            return pairs;
        foreach (var merge in merges.EnumerateArray())
        {
            if (merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2)
            {
                pairs.Add((merge[0].GetString() ?? "", merge[1].GetString() ?? ""));
                continue;
            }
            var text = merge.GetString() ?? "";
            var space = text.IndexOf(' ', StringComparison.Ordinal);
            if (space <= 0 || space == text.Length - 1)
                throw new FormatException($"'{text}' is not a merge of two tokens");
            pairs.Add((text[..space], text[(space + 1)..]));
        }
        return pairs;
    }

    /// <summary>As GGUF wants it: a space between, and spaces inside a part encoded as byte-level BPE encodes them.</summary>
    public static string[] Format(JsonElement model)
        => [.. Read(model).Select(pair => $"{pair.Left.Replace(' ', 'Ġ')} {pair.Right.Replace(' ', 'Ġ')}")];
}
