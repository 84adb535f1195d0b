using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>SentencePiece BPE with byte fallback, for GGUF's tokenizer <c>llama</c>: tokens, scores and kinds.</summary>
internal static class SentencePieceVocabulary
{
    /// <summary>Score of tokens that are never merged to.</summary>
    private const float AddedScore = -1000;

    private const float PaddingScore = -10000;

    private const string Space = "▁";

    /// <summary>From tokenizer.model.</summary>
    public static Vocabulary FromModel(SentencePieceModel model, TokenizerFiles files, CheckpointConfig config, TokenizerTraits traits)
    {
        if (!model.IsBytePairEncoding)
            throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, $"{files.Folder}: the SentencePiece model is not of type BPE.", "Unigram models are not supported yet.");
        var builder = new Builder(Vocabulary.Size(config, model.Pieces.Count));
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            var piece = model.Pieces[id];
            builder.Set(id, piece.Text, piece.Score, piece.Kind);
        }
        foreach (var token in files.AddedTokensFile)
            builder.Set(token.Id, token.Content, AddedScore, TokenKind.UserDefined);
        builder.Add(files.AddedTokensDecoder, traits);
        if (traits.AddedTokensAsMarked)
            builder.Add(files.AddedTokens, traits);
        // llama.cpp's converter does not look at the model's own flag; a model without the dummy space would be tokenised wrongly.
        return builder.Build(model.AddDummyPrefix ? null : false);
    }

    /// <summary>
    /// From tokenizer.json alone. It has no scores, but its merges are sorted by them: the first merge that makes a token ranks it.
    /// (llama.cpp's converter gives every token −1000, with which its tokenizer merges in the wrong order.)
    /// </summary>
    public static Vocabulary FromTokenizerJson(JsonElement tokenizer, TokenizerFiles files, CheckpointConfig config, TokenizerTraits traits)
    {
        var model = tokenizer.GetProperty("model");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in model.GetProperty("vocab").EnumerateObject())
            ids[entry.Name] = entry.Value.GetInt32();
        var added = files.AddedTokens.Concat(files.AddedTokensDecoder).ToList();
        var count = ids.Values.Concat(added.Select(token => token.Id)).DefaultIfEmpty(-1).Max() + 1;
        var size = Vocabulary.Size(config, count);
        if (count > size)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"tokenizer.json has {count} tokens, config.json a vocabulary of {size}.");
        var ranks = new Dictionary<string, float>(StringComparer.Ordinal);
        foreach (var (left, right) in Merges.Read(model))
            ranks.TryAdd(left + right, -ranks.Count);
        var unknown = model.TryGetProperty("unk_token", out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
        var builder = new Builder(size);
        foreach (var (text, id) in ids)
        {
            var kind = IsByte(text) ? TokenKind.Byte : text == unknown ? TokenKind.Unknown : TokenKind.Normal;
            builder.Set(id, text, ranks.GetValueOrDefault(text, AddedScore), kind);
        }
        builder.Add(added, traits);
        return builder.Build(AddsSpacePrefix(tokenizer) ? null : false);
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

    private sealed class Builder
    {
        private readonly string[] _tokens;
        private readonly float[] _scores;
        private readonly TokenKind[] _kinds;

        public Builder(int size)
        {
            _tokens = new string[size];
            _scores = new float[size];
            _kinds = new TokenKind[size];
            for (var id = 0; id < size; id++)
                Set(id, $"[PAD{id}]", PaddingScore, TokenKind.Unused);
        }

        /// <summary>Ids beyond the vocabulary are ignored: the model has no row for them.</summary>
        public void Set(int id, string text, float score, TokenKind kind)
        {
            if ((uint)id < (uint)_tokens.Length)
                (_tokens[id], _scores[id], _kinds[id]) = (text, score, kind);
        }

        public void Add(IEnumerable<AddedToken> tokens, TokenizerTraits traits)
        {
            foreach (var token in tokens)
            {
                if (token.Special || (!traits.AddedTokensAsMarked && Vocabulary.LooksSpecial(token.Content)))
                    Set(token.Id, token.Content, AddedScore, TokenKind.Control);
                else
                    // The engine matches user-defined tokens against text that is not yet normalised.
                    Set(token.Id, token.Content.Replace(Space, " ", StringComparison.Ordinal), AddedScore, TokenKind.UserDefined);
            }
        }

        public Vocabulary Build(bool? addSpacePrefix) => new()
        {
            Model = "llama",
            PreTokenizer = "default",
            Tokens = _tokens,
            Scores = _scores,
            Kinds = _kinds,
            AddSpacePrefix = addSpacePrefix,
        };
    }
}
