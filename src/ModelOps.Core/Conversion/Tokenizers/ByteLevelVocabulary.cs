using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Byte-level BPE out of tokenizer.json, for GGUF's tokenizer <c>gpt2</c>.</summary>
internal static class ByteLevelVocabulary
{
    public static Vocabulary Read(JsonElement tokenizer, TokenizerFiles files, CheckpointConfig config, TokenizerTraits traits)
    {
        var preTokenizer = files.PreTokenizer ?? PreTokenizers.Detect(tokenizer, traits.PreTokenizer);
        var model = tokenizer.GetProperty("model");
        var added = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        // The library adds tokenizer_config.json's after tokenizer.json's own; what they say of a token wins.
        foreach (var token in files.AddedTokens.Concat(files.AddedTokensDecoder))
            added[token.Content] = token;
        var ids = Vocabulary.ReadIds(model);
        foreach (var token in added.Values)
            ids.TryAdd(token.Content, token.Id);
        var count = ids.Values.DefaultIfEmpty(-1).Max() + 1L;
        var size = Vocabulary.Size(config, count);
        if (count > size || ids.Values.Any(id => id < 0))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"tokenizer.json has ids up to {count - 1}, config.json a vocabulary of {size}.");

        var tokens = new string[size];
        var kinds = new TokenKind[size];
        foreach (var (text, id) in ids)
        {
            (tokens[id], kinds[id]) = !added.TryGetValue(text, out var token) ? (text, TokenKind.Normal)
                : token.Special || Vocabulary.LooksSpecial(text) ? (text, TokenKind.Control)
                : (text.Replace('▁', ' '), TokenKind.UserDefined);
        }
        for (var id = 0; id < size; id++)
        {
            if (tokens[id] is null)
                (tokens[id], kinds[id]) = ($"[PAD{id}]", TokenKind.Unused);
        }
        return new Vocabulary { Model = "gpt2", PreTokenizer = preTokenizer, Tokens = tokens, Kinds = kinds, Merges = Merges.Format(model) };
    }
}
