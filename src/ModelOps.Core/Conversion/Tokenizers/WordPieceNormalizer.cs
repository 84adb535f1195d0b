using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// What is done to text before WordPiece cuts it. llama.cpp always drops control characters, isolates Chinese characters and splits at
/// spaces and punctuation; only letters' case and their accents can be chosen.
/// </summary>
/// <param name="Lowercase">Whether upper case becomes lower case.</param>
/// <param name="StripAccents">Whether accents are dropped; null to do so exactly where case is dropped.</param>
internal sealed record WordPieceNormalizer(bool Lowercase, bool? StripAccents)
{
    /// <summary>The keys, as gguf-py's SpecialVocab names them.</summary>
    public IReadOnlyList<(string Key, object Value)> Facts => StripAccents is { } strip
        ? [("normalizer.lowercase", Lowercase), ("normalizer.strip_accents", strip)]
        : [("normalizer.lowercase", Lowercase)];

    /// <summary>What tokenizer.json says.</summary>
    public static WordPieceNormalizer Read(JsonElement tokenizer)
    {
        if (!tokenizer.TryGetProperty("pre_tokenizer", out var splitter) || splitter.ValueKind != JsonValueKind.Object || splitter.GetProperty("type").GetString() != "BertPreTokenizer")
            throw Unsupported("splits words otherwise than BERT's pre-tokenizer");
        if (!tokenizer.TryGetProperty("normalizer", out var normalizer) || normalizer.ValueKind != JsonValueKind.Object)
            return new WordPieceNormalizer(false, false);
        if (normalizer.GetProperty("type").GetString() == "BertNormalizer")
        {
            if (Flag(normalizer, "handle_chinese_chars") is false)
                throw Unsupported("leaves Chinese characters together (handle_chinese_chars)");
            if (Flag(normalizer, "clean_text") is false)
                throw Unsupported("keeps control characters (clean_text)");
            return new WordPieceNormalizer(Flag(normalizer, "lowercase") ?? true, Flag(normalizer, "strip_accents"));
        }
        var steps = (normalizer.TryGetProperty("normalizers", out var list) ? list.EnumerateArray().ToList() : [normalizer]).ConvertAll(step => step.GetProperty("type").GetString());
        if (steps.Find(step => step is not ("Lowercase" or "StripAccents" or "NFD" or "NFC")) is { } other)
            throw Unsupported($"normalises text with {other}");
        return new WordPieceNormalizer(steps.Contains("Lowercase"), steps.Contains("StripAccents"));
    }

    /// <summary>What tokenizer_config.json says, with the library's defaults.</summary>
    public static WordPieceNormalizer Read(TokenizerFiles files)
        => files.FindFlag("tokenize_chinese_chars") is false
            ? throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, "tokenizer_config.json leaves Chinese characters together (tokenize_chinese_chars), which llama.cpp's WordPiece tokenizer does not do.")
            : new WordPieceNormalizer(files.FindFlag("do_lower_case") ?? true, files.FindFlag("strip_accents"));

    private static bool? Flag(JsonElement step, string key)
        => step.TryGetProperty(key, out var value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.ValueKind == JsonValueKind.True : null;

    private static ModelOpsException Unsupported(string what)
        => new(ErrorKind.UnsupportedTokenizer, $"tokenizer.json {what}, which llama.cpp's WordPiece tokenizer does not do.");
}
