using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>SentencePiece BPE with byte fallback, for GGUF's tokenizer <c>llama</c>: tokens, scores and kinds.</summary>
internal static class SentencePieceVocabulary
{
    private const string Space = "▁";

    /// <summary>From tokenizer.model.</summary>
    public static Vocabulary FromModel(SentencePieceModel model, TokenizerFiles files, CheckpointConfig config, TokenizerTraits traits)
    {
        if (!model.IsBytePairEncoding)
            throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, $"{files.Folder}: the SentencePiece model is not of type BPE.", "Unigram models are supported for encoders and T5 only.");
        var table = new PieceTable(Vocabulary.Size(config, model.Pieces.Count));
        table.Set(model.Pieces);
        foreach (var token in files.AddedTokensFile)
            table.Set(token.Id, token.Content, PieceTable.AddedScore, TokenKind.UserDefined);
        Add(table, files.AddedTokensDecoder, traits);
        if (traits.AddedTokensAsMarked)
            Add(table, files.AddedTokens, traits);
        // llama.cpp's converter does not look at the model's own flag; a model without the dummy space would be tokenised wrongly.
        return Build(table, model.AddDummyPrefix ? null : false);
    }

    /// <summary>
    /// From tokenizer.json alone. It has no scores, but its merges are sorted by them: the first merge that makes a token ranks it.
    /// (llama.cpp's converter gives every token −1000, with which its tokenizer merges in the wrong order.)
    /// </summary>
    public static Vocabulary FromTokenizerJson(JsonElement tokenizer, TokenizerFiles files, CheckpointConfig config, TokenizerTraits traits)
    {
        var model = tokenizer.GetProperty("model");
        var ids = Vocabulary.ReadIds(model);
        var added = files.AddedTokens.Concat(files.AddedTokensDecoder).ToList();
        var count = ids.Values.Concat(added.Select(token => token.Id)).DefaultIfEmpty(-1).Max() + 1L;
        var size = Vocabulary.Size(config, count);
        if (count > size)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"tokenizer.json has {count} tokens, config.json a vocabulary of {size}.");
        var ranks = new Dictionary<string, float>(StringComparer.Ordinal);
        foreach (var (left, right) in Merges.Read(model))
            ranks.TryAdd(left + right, -ranks.Count);
        var unknown = model.TryGetProperty("unk_token", out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
        var table = new PieceTable(size);
        foreach (var (text, id) in ids)
        {
            var kind = IsByte(text) ? TokenKind.Byte : text == unknown ? TokenKind.Unknown : TokenKind.Normal;
            table.Set(id, text, ranks.GetValueOrDefault(text, PieceTable.AddedScore), kind);
        }
        Add(table, added, traits);
        return Build(table, AddsSpacePrefix(tokenizer) ? null : false);
    }

    /// <summary>Whether the normalizer or pre-tokenizer puts a space in front of the text.</summary>
    private static bool AddsSpacePrefix(JsonElement tokenizer)
    {
        return Steps("normalizer", "normalizers").Any(step => Is(step, "Prepend"))
            || Steps("pre_tokenizer", "pretokenizers").Any(step => Is(step, "Metaspace") && !(step.TryGetProperty("prepend_scheme", out var scheme) && scheme.GetString() == "never"));

        IEnumerable<JsonElement> Steps(string key, string list)
        {
            if (!tokenizer.TryGetProperty(key, out var step) || step.ValueKind != JsonValueKind.Object)
                return [];
            return step.TryGetProperty(list, out var steps) ? steps.EnumerateArray() : [step];
        }

        static bool Is(JsonElement step, string type) => step.GetProperty("type").GetString() == type;
    }

    public static bool IsByte(string text)
        => text.Length == 6 && text.StartsWith("<0x", StringComparison.Ordinal) && text[5] == '>' && char.IsAsciiHexDigit(text[3]) && char.IsAsciiHexDigit(text[4]);

    private static void Add(PieceTable table, IEnumerable<AddedToken> tokens, TokenizerTraits traits)
    {
        foreach (var token in tokens)
        {
            if (token.Special || (!traits.AddedTokensAsMarked && Vocabulary.LooksSpecial(token.Content)))
                table.Set(token.Id, token.Content, PieceTable.AddedScore, TokenKind.Control);
            else
                // The engine matches user-defined tokens against text that is not yet normalised.
                table.Set(token.Id, token.Content.Replace(Space, " ", StringComparison.Ordinal), PieceTable.AddedScore, TokenKind.UserDefined);
        }
    }

    private static Vocabulary Build(PieceTable table, bool? addSpacePrefix) => new()
    {
        Model = "llama",
        PreTokenizer = "default",
        Tokens = table.Tokens,
        Scores = table.Scores,
        Kinds = table.Kinds,
        AddSpacePrefix = addSpacePrefix,
    };
}
