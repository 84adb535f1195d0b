using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Gemma 4's vocabulary out of tokenizer.json, for GGUF's tokenizer <c>gemma4</c>: merged by rank, not by score, and without a pre-tokenizer.</summary>
internal static class Gemma4Vocabulary
{
    /// <summary>The score that llama.cpp's converter gives tokens whose files know none.</summary>
    private const float NoScore = -1000;

    /// <summary>Control tokens that the engine must render, because a chat's parser reads them.</summary>
    private static readonly HashSet<string> Visible = ["<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>", "<|\"|>"];

    public static Vocabulary Read(TokenizerFiles files, CheckpointConfig config)
    {
        if (files.Tokenizer is not { } tokenizer)
            throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, $"{files.Folder} has no tokenizer.json, which Gemma 4 needs.", "A checkpoint needs its tokenizer files beside the weights; download them too.");
        return CheckpointJson.Guard("tokenizer.json", () =>
        {
            var model = tokenizer.GetProperty("model");
            if (model.GetProperty("type").GetString() != "BPE" || !(model.TryGetProperty("byte_fallback", out var fallback) && fallback.ValueKind == JsonValueKind.True))
                throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, "Gemma 4's tokenizer.json should be BPE with byte fallback, and is not.");
            return Read(model, files, config);
        });
    }

    private static Vocabulary Read(JsonElement model, TokenizerFiles files, CheckpointConfig config)
    {
        var ids = Vocabulary.ReadIds(model);
        var special = files.SpecialTexts();
        var added = files.AddedTokens.Concat(files.AddedTokensDecoder).ToList();
        var count = ids.Values.Concat(added.Select(token => token.Id)).DefaultIfEmpty(-1).Max() + 1L;
        var size = Vocabulary.Size(config, count);
        if (count > size || ids.Values.Any(id => id < 0) || added.Exists(token => token.Id < 0))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"tokenizer.json has ids up to {count - 1}, config.json a vocabulary of {size}.");
        var (tokens, kinds) = (new string[size], new TokenKind[size]);
        foreach (var (text, id) in ids)
            (tokens[id], kinds[id]) = (text, Kind(text, TokenKind.Normal));
        foreach (var token in added.Where(token => token.Id >= ids.Count))
            (tokens[token.Id], kinds[token.Id]) = (token.Content, Kind(token.Content, TokenKind.UserDefined));
        for (var id = 0; id < size; id++)
        {
            if (tokens[id] is null)
                (tokens[id], kinds[id]) = ($"[PAD{id}]", TokenKind.Unused);
        }
        var scores = new float[size];
        Array.Fill(scores, NoScore);
        return new Vocabulary { Model = "gemma4", Tokens = tokens, Scores = scores, Kinds = kinds, Merges = Merges.Format(model) };

        TokenKind Kind(string text, TokenKind otherwise)
            => Visible.Contains(text) ? TokenKind.UserDefined
            : SentencePieceVocabulary.IsByte(text) ? TokenKind.Byte
            : special.Contains(text) ? TokenKind.Control
            : otherwise;
    }
}
