using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>The engine's tokens of hard texts, from our files, against Hugging Face's tokenizer on the checkpoint's own.</summary>
public sealed class EncoderTokenizerTests : IDisposable
{
    private static readonly string[] Texts =
    [
        "", " ", "Hello, world!", "The quick brown fox, jumping; over 13 lazy dogs.", "  two  spaces   and\ttabs\nand lines\r\n",
        "def f(x: int) -> str:\n    return f\"{x!r:>8}\"  # comment", "for (int i = 0; i < n; ++i) { a[i] ^= b[i] & 0xFF; }",
        "Café naïve Ångström ÉCOLE ñandú", "Cafe\u0301 nai\u0308ve", "Straße GROẞ İstanbul ılık", "ПРИВЕТ, мир! Ёлка и йод", "Γειά σου Κόσμε ΆΈΉ",
        "東京は日本の首都です。", "我爱北京天安门", "한국어 텍스트 처리", "שלום עולם مرحبا بالعالم", "हिन्दी में पाठ",
        "😀 👩‍👩‍👧‍👦 🇩🇪 ✈️", "3.14159 1,000,000 2024-11-22T05:30:00Z 50%", "e-mail: a.b@c.org, http://x.y/z?q=1&r=2#t", "``quoted'' “curly” ‘single’ — dash … ellipsis",
        "unaffable embeddings tokenization", "a\u200bb \u00a0c\u3000d", "ﬁne ２０２４ Ⅷ ① ㎏ ½", "don't we'll I'm", "a_b__c ~tilde~ $5 + €6 = ¥7 © ™", "[MASK] inside [SEP] text [UNK]",
    ];

    private readonly EncoderCheckpoints _checkpoints = new();

    public void Dispose() => _checkpoints.Dispose();

    // What is done to case, and to accents (null: as to case).
    [Theory]
    [InlineData(true, null)]
    [InlineData(false, null)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task WordPiece_CutsAsTheLibraryDoes(bool lowercase, bool? stripAccents)
    {
        var checkpoint = TinyCheckpoint.Of("bert");
        var pieces = new List<string> { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]" };
        // All letters that occur, alone and inside words, and some longer pieces, so that little is unknown.
        var text = string.Join(' ', Texts);
        text += text.ToLowerInvariant() + text.Normalize(NormalizationForm.FormD) + text.ToLowerInvariant().Normalize(NormalizationForm.FormD);
        foreach (var letter in text.EnumerateRunes().Where(rune => !Rune.IsWhiteSpace(rune) && !Rune.IsControl(rune)).Distinct())
            pieces.AddRange([letter.ToString(), $"##{letter}"]);
        pieces.AddRange(["the", "quick", "brown", "fox", "##ing", "##able", "##ffa", "un", "embed", "##ding", "##dings", "token", "##ization", "hel", "##lo", "cafe", "café", "caf", "##é", "return", "int", "мир", "при", "##вет"]);
        SetVocabulary(checkpoint, pieces = [.. pieces.Distinct()]);
        // The engine drops all marks as accents, the library those without a width of their own; and it lowers İ to one letter, not to two.
        var drops = stripAccents ?? lowercase;
        var texts = Texts.Where(text => !(drops ? text.Contains("हिन्दी", StringComparison.Ordinal) : lowercase && text.Contains('İ')));
        await RequireSame(checkpoint, texts, folder => Edit(folder, tokenizer =>
        {
            tokenizer["normalizer"] = new JsonObject { ["type"] = "BertNormalizer", ["clean_text"] = true, ["handle_chinese_chars"] = true, ["strip_accents"] = stripAccents, ["lowercase"] = lowercase };
            tokenizer["model"]!["vocab"] = new JsonObject(pieces.Select((piece, id) => KeyValuePair.Create(piece, (JsonNode?)id)));
            tokenizer["added_tokens"] = new JsonArray([.. pieces.Take(5).Select((piece, id) => new JsonObject { ["id"] = id, ["content"] = piece, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true })]);
        }));
    }

    [Fact]
    public async Task Unigram_CutsAsTheLibraryDoes()
    {
        var checkpoint = TinyCheckpoint.Of("xlm-roberta");
        var pieces = new List<string> { "<s>", "<pad>", "</s>", "<unk>" };
        var text = string.Join(' ', Texts);
        pieces.AddRange(text.EnumerateRunes().Where(rune => !Rune.IsWhiteSpace(rune) && !Rune.IsControl(rune)).Select(rune => rune.ToString()));
        pieces.Add("▁");
        foreach (var word in text.Split((char[])[' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries))
        {
            pieces.Add($"▁{word[..(char.IsHighSurrogate(word[0]) ? 2 : 1)]}");
            if (word.All(char.IsAsciiLetter) && word.Length > 3)
                pieces.AddRange([$"▁{word[..3]}", word[2..], word[1..3]]);
        }
        pieces = [.. pieces.Distinct(), "<mask>"];
        SetVocabulary(checkpoint, pieces);
        var random = new Random(7);
        // Without a map of characters, of which the oracle only knows what most do: with it other spaces become plain ones.
        var texts = Texts.Where(line => !line.Any(letter => char.IsControl(letter) || (char.IsWhiteSpace(letter) && letter != ' ')));
        await RequireSame(checkpoint, texts, folder => Edit(folder, tokenizer =>
        {
            tokenizer["normalizer"] = null;
            tokenizer["pre_tokenizer"] = JsonNode.Parse("""{"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "add_prefix_space": true, "prepend_scheme": "always"}]}""");
            tokenizer["model"]!["vocab"] = new JsonArray([.. pieces.Select((piece, id) => new JsonArray(piece, id < 4 || piece == "<mask>" ? 0.0 : -2.0 - (8 * random.NextSingle())))]);
            tokenizer["added_tokens"]![4]!["id"] = pieces.Count - 1;
        }));
    }

    private static void SetVocabulary(TinyCheckpoint checkpoint, List<string> pieces)
    {
        checkpoint.Config["vocab_size"] = pieces.Count;
        checkpoint.Tensors.Remove("embeddings.word_embeddings.weight");
        checkpoint.Add("embeddings.word_embeddings.weight", pieces.Count, 32);
    }

    private static void Edit(string folder, Action<JsonObject> edit)
    {
        var path = Path.Combine(folder, "tokenizer.json");
        var tokenizer = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(tokenizer);
        File.WriteAllText(path, tokenizer.ToJsonString());
    }

    private async Task RequireSame(TinyCheckpoint checkpoint, IEnumerable<string> texts, Action<string> edit)
    {
        var plan = await _checkpoints.Convert(checkpoint, edit);
        var expected = TokenizerOracle.Tokenize(plan.Source, texts, addSpecial: true);
        using var engine = new EmbeddingEngine(plan.Output);
        var tokens = plan.Metadata.FindArray<string>("tokenizer.ggml.tokens")!;
        Assert.Equal(
            texts.Zip(expected, (text, ids) => $"{text}: {Show(ids)}"),
            texts.Select(text => $"{text}: {Show(engine.Vocabulary.Tokenize(text, addSpecial: true, parseSpecial: true))}"));

        string Show(int[] ids) => string.Join('|', ids.Select(id => tokens[id]));
    }
}
