using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// Names llama.cpp's pre-tokenizer (<c>tokenizer.ggml.pre</c>) from what tokenizer.json says: the regular expressions that split text
/// before merging. llama.cpp's own converter hashes the tokens of a test text instead, which breaks with every new vocabulary.
/// </summary>
internal static class PreTokenizers
{
    private const string Llama3 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Qwen2 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Qwen35 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Gpt4O = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Tekken = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string DeepSeekText = @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string SeedCoder = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string ExaoneMoe = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+";

    // Possessive quantifiers before what they cannot give up anyway.
    private const string Bailing = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";

    /// <summary>Lines, words, punctuation, Chinese and Korean, digits.</summary>
    private const string DeepSeekCoder = "[\\r\\n]\n\\s?\\p{L}+\n\\s?\\p{P}+\n[一-龥ࠀ-一가-퟿]+\n" + Digits;

    /// <summary>Lines, words of alphabets with capitals, punctuation, spaces at an end, Chinese and Korean, digits.</summary>
    private const string DeepSeekLlm = "[\\r\\n]\n" + DeepSeekLetters + "\n\\s?[!-/:-~！-／：-～‘-‟　-。]+\n\\s+$\n[一-龥ࠀ-一가-퟿]+\n" + Digits;
    private const string DeepSeekLetters = @"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";

    /// <summary>Llama 3's with runs of spaces cut to powers of two.</summary>
    private static readonly string Jais2 = Llama3.Replace(@"|\s+(?!\S)|\s+", @"|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}", StringComparison.Ordinal);

    /// <summary>What ByteLevel splits by itself: GPT-2's expression.</summary>
    private const string ByteLevelSplit = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>What Digits splits one by one.</summary>
    private const string Digits = @"\p{N}";

    /// <summary>
    /// Steps of a pre-tokenizer, joined by line feeds, and whether whole words skip merging, to llama.cpp's names. It has several for some;
    /// they split alike and differ in what is done with spaces when text is made of tokens. The first is taken unless the architecture has
    /// one of its own.
    /// </summary>
    private static readonly (string Steps, bool IgnoreMerges, string[] Names)[] Known =
    [
        (Llama3, true, ["llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"]),
        (Llama3, false, ["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"]),
        (Qwen2, false, ["qwen2", "stablelm2", "hunyuan", "solar-open", "grok-2"]),
        (Qwen35, false, ["qwen35"]),
        (Gpt4O, false, ["gpt-4o", "llama4", "kanana2", "minimax-m2"]),
        (Tekken, true, ["tekken"]),
        (ByteLevelSplit, false, ["gpt-2", "phi-2", "olmo", "mpt", "jais", "trillion", "modern-bert", "granite-docling", "roberta-bpe"]),
        (Digits + "\n" + ByteLevelSplit, false, ["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"]),
        ("\\p{N}{1,3}\n[一-龥぀-ゟ゠-ヿ]+\n" + DeepSeekText, false, ["deepseek-v3", "hunyuan-dense", "joyai-llm"]),
        (DeepSeekCoder, false, ["deepseek-coder"]),
        (DeepSeekLlm, false, ["deepseek-llm"]),
        (SeedCoder, false, ["seed-coder"]),
        (ExaoneMoe, false, ["exaone-moe"]),
        (Bailing, false, ["bailingmoe", "bailingmoe2", "llada-moe"]),
        (Jais2, false, ["jais-2"]),
        ("\\d{1,3}(?=(?:\\d{3})*\\b)\n" + Gpt4O, false, ["tiny_aya", "cohere2moe"]),
        ("\\p{N}{1,3}\n" + Llama3.Replace("{1,3}", "+", StringComparison.Ordinal), true, ["minicpm5"]),
    ];

    /// <summary>The name for a byte-level BPE; <see cref="ErrorKind.UnsupportedTokenizer"/> shows what was not recognised.</summary>
    /// <param name="tokenizer">tokenizer.json.</param>
    /// <param name="preferred">The architecture's own name, taken when it splits as tokenizer.json says.</param>
    public static string Detect(JsonElement tokenizer, string? preferred = null)
    {
        RequireKnownNormalizer(tokenizer);
        var steps = string.Join('\n', Steps(tokenizer.TryGetProperty("pre_tokenizer", out var step) ? step : default));
        var model = tokenizer.GetProperty("model");
        var ignoreMerges = model.TryGetProperty("ignore_merges", out var ignore) && ignore.ValueKind == JsonValueKind.True;
        var exact = Names(ignoreMerges);
        if (preferred is not null && exact.Contains(preferred))
            return preferred;
        // A name that says otherwise of whole words will do where that changes nothing; finding out takes a while.
        var other = Names(!ignoreMerges);
        if (other.Length > 0 && (exact.Length == 0 || (preferred is not null && other.Contains(preferred))) && WholeWords.AllMerge(tokenizer))
            return preferred is not null && other.Contains(preferred) ? preferred : other[0];
        if (exact.Length > 0)
            return exact[0];
        throw new ModelOpsException(
            ErrorKind.UnsupportedTokenizer,
            $"tokenizer.json splits text in a way that llama.cpp has no name for: {(steps.Length == 0 ? "no pre-tokenizer" : steps.ReplaceLineEndings(" then "))}{(ignoreMerges ? " (whole words skip merging)" : "")}.",
            $"Known: {string.Join(", ", Known.Select(known => known.Names[0]))}. A wrong guess would tokenise wrongly without an error, so none is made; if you know llama.cpp's name for it, say it.");

        string[] Names(bool ignores)
        {
            // llama.cpp leaves numbers together here, which is the same where no token has two digits.
            if (steps == DeepSeekLlm && NumberTokens.HaveSeveralDigits(model))
                return [];
            return Known.FirstOrDefault(known => known.Steps == steps && known.IgnoreMerges == ignores).Names ?? [];
        }
    }

    private static IEnumerable<string> Steps(JsonElement step)
    {
        if (step.ValueKind != JsonValueKind.Object)
            return [];
        var type = step.GetProperty("type").GetString();
        switch (type)
        {
            case "Sequence":
                return step.GetProperty("pretokenizers").EnumerateArray().SelectMany(Steps).ToList();
            case "ByteLevel":
                // A prefix space is not something llama.cpp's byte-level tokenizer adds.
                if (Flag(step, "add_prefix_space"))
                    return ["ByteLevel with a prefix space"];
                return Flag(step, "use_regex", otherwise: true) ? [ByteLevelSplit] : [];
            case "Digits" when Flag(step, "individual_digits"):
                return [Digits];
            case "Split" when step.GetProperty("pattern").TryGetProperty("Regex", out var regex) && SplitsAtMatches(step):
                return [Canonical(regex.GetString() ?? "")];
            default:
                return [$"{type}"];
        }
    }

    /// <summary>
    /// Matches are isolated; or whatever is no match removed, which is the same where the expression matches everything, as all known
    /// ones do.
    /// </summary>
    private static bool SplitsAtMatches(JsonElement step) => (step.GetProperty("behavior").GetString(), Flag(step, "invert")) switch
    {
        ("Isolated", false) => true,
        ("Removed", true) => true,
        _ => false,
    };

    /// <summary>The spellings of one and the same expression that occur.</summary>
    private static string Canonical(string regex) => regex
        .Replace("'(?i:[sdmt]|ll|ve|re)", "(?i:'s|'t|'re|'ve|'m|'ll|'d)", StringComparison.Ordinal)
        .Replace("(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])", "(?i:'s|'t|'re|'ve|'m|'ll|'d)", StringComparison.Ordinal)
        .Replace("\r", "\\r", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal)
        .Replace("\\\"", "\"", StringComparison.Ordinal);

    private static void RequireKnownNormalizer(JsonElement tokenizer)
    {
        if (!tokenizer.TryGetProperty("normalizer", out var normalizer) || normalizer.ValueKind != JsonValueKind.Object)
            return;
        var types = normalizer.TryGetProperty("normalizers", out var list) ? list.EnumerateArray().Select(Type).ToList() : [Type(normalizer)];
        // llama.cpp does not compose characters; text that is already NFC, which nearly all is, comes out the same.
        if (types.FirstOrDefault(type => type != "NFC") is { } other)
            throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, $"tokenizer.json normalises text with {other}, which llama.cpp's byte-level tokenizer does not do.");

        static string Type(JsonElement step) => step.GetProperty("type").GetString() ?? "";
    }

    private static bool Flag(JsonElement step, string key, bool otherwise = false)
        => step.TryGetProperty(key, out var value) ? value.ValueKind == JsonValueKind.True : otherwise;
}
