using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// What a tokenizer.json does to text before Unigram cuts it, as the flags of GGUF's tokenizer <c>t5</c>. Steps that it does not have are
/// refused: a wrong guess would tokenise wrongly without an error.
/// </summary>
/// <param name="CharsMap">Replacements of characters as SentencePiece compiles them; empty for none.</param>
/// <param name="AddsPrefix">Whether text gets a space in front.</param>
/// <param name="RemovesExtraSpaces">Whether several spaces count as one.</param>
internal sealed record UnigramNormalizer(byte[] CharsMap, bool AddsPrefix, bool RemovesExtraSpaces)
{
    public static UnigramNormalizer Read(JsonElement tokenizer, TokenizerFiles files)
    {
        var charsMap = Array.Empty<byte>();
        var prefix = false;
        // A file that says nothing of spaces is taken at the library's flag, as llama.cpp's converter does.
        bool? merges = null;
        foreach (var step in Steps(tokenizer, "normalizer", "normalizers").Concat(Steps(tokenizer, "pre_tokenizer", "pretokenizers")))
        {
            switch (step.GetProperty("type").GetString())
            {
                case "Precompiled":
                    charsMap = step.TryGetProperty("precompiled_charsmap", out var map) && map.ValueKind == JsonValueKind.String ? map.GetBytesFromBase64() : [];
                    break;
                // The engine drops spaces at the end when it merges them.
                case "Strip":
                    break;
                case "Replace" when MergesSpaces(step):
                case "WhitespaceSplit":
                    merges = true;
                    break;
                case "Prepend":
                    prefix = true;
                    break;
                case "Metaspace":
                    prefix |= step.TryGetProperty("prepend_scheme", out var scheme) ? scheme.GetString() != "never"
                        : !step.TryGetProperty("add_prefix_space", out var add) || add.ValueKind != JsonValueKind.False;
                    break;
                case var other:
                    throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, $"tokenizer.json prepares text with {other}, which llama.cpp's Unigram tokenizer does not do.");
            }
        }
        return new UnigramNormalizer(charsMap, prefix, merges ?? files.FindFlag("clean_up_tokenization_spaces") ?? true);
    }

    private static IEnumerable<JsonElement> Steps(JsonElement tokenizer, string key, string list)
    {
        if (!tokenizer.TryGetProperty(key, out var step) || step.ValueKind != JsonValueKind.Object)
            return [];
        return step.TryGetProperty(list, out var steps) ? steps.EnumerateArray() : [step];
    }

    private static bool MergesSpaces(JsonElement step)
        => step.TryGetProperty("pattern", out var pattern) && pattern.TryGetProperty("Regex", out var regex) && regex.GetString() == " {2,}"
            && step.TryGetProperty("content", out var content) && content.GetString() is " " or "▁";
}
