using System.Buffers.Binary;
using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>SentencePiece Unigram, for GGUF's tokenizer <c>t5</c>: pieces with log probabilities, and how text is normalised before.</summary>
internal static class UnigramVocabulary
{
    /// <summary>The four tokens that fairseq's dictionaries start with, in place of the SentencePiece model's first three.</summary>
    private static readonly (string Text, TokenKind Kind)[] FairseqTokens =
        [("<s>", TokenKind.Control), ("<pad>", TokenKind.Control), ("</s>", TokenKind.Control), ("<unk>", TokenKind.Unknown)];

    /// <summary>From a SentencePiece model.</summary>
    public static Vocabulary FromModel(SentencePieceModel model, TokenizerFiles files, CheckpointConfig config, TokenizerTraits traits)
    {
        if (!model.IsUnigram || !model.EscapeWhitespaces || model.TreatWhitespaceAsSuffix)
            throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, $"{files.Folder}: llama.cpp's Unigram tokenizer does not cut text as this SentencePiece model does (another type of model, spaces not escaped or at the end of words).");
        var size = Vocabulary.Size(config, model.Pieces.Count);
        var table = new PieceTable(size);
        if (traits.IsFairseq)
        {
            // One token more in front moves all pieces up by one.
            for (var id = 0; id < FairseqTokens.Length; id++)
                table.Set(id, FairseqTokens[id].Text, 0, FairseqTokens[id].Kind);
            for (var id = 3; id < model.Pieces.Count; id++)
                table.Set(id + 1, model.Pieces[id].Text, model.Pieces[id].Score, model.Pieces[id].Kind);
            // llama.cpp's converter numbers padding before it moves up.
            for (var id = model.Pieces.Count + 1; id < size; id++)
                table.Set(id, $"[PAD{id - 1}]", table.Scores[id], TokenKind.Unused);
        }
        else
        {
            table.Set(model.Pieces);
            foreach (var token in files.AddedTokensFile)
                table.Set(token.Id, token.Content, PieceTable.AddedScore, TokenKind.UserDefined);
        }
        return Build(table, config, traits, model.AddDummyPrefix, model.RemoveExtraWhitespaces, model.PrecompiledCharsMap);
    }

    /// <summary>From tokenizer.json alone.</summary>
    public static Vocabulary FromTokenizerJson(JsonElement tokenizer, TokenizerFiles files, CheckpointConfig config, TokenizerTraits traits)
    {
        var normalizer = UnigramNormalizer.Read(tokenizer, files);
        var model = tokenizer.GetProperty("model");
        var pieces = model.GetProperty("vocab").EnumerateArray().Select(ReadPiece).ToList();
        var added = files.AddedTokens.Concat(files.AddedTokensDecoder).ToList();
        var size = Vocabulary.Size(config, Math.Max(pieces.Count, added.Select(token => token.Id).DefaultIfEmpty(-1).Max() + 1L));
        if (pieces.Count > size || added.Exists(token => token.Id < 0))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"tokenizer.json has {pieces.Count} pieces, config.json a vocabulary of {size}.");
        var table = new PieceTable(size);
        for (var id = 0; id < pieces.Count; id++)
            table.Set(id, pieces[id].Text, pieces[id].Score, TokenKind.Normal);
        var special = files.SpecialTexts();
        foreach (var token in added)
        {
            var kind = token.Special || special.Contains(token.Content) ? TokenKind.Control : TokenKind.UserDefined;
            table.Set(token.Id, token.Content, token.Id < pieces.Count ? pieces[token.Id].Score : PieceTable.AddedScore, kind);
        }
        var unknown = files.FindTokenText("unk_token") is { } text && added.Find(token => token.Content == text) is { } found ? found.Id
            : model.TryGetProperty("unk_id", out var value) && value.ValueKind == JsonValueKind.Number ? value.GetInt32()
            : throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, "tokenizer.json has no token for what is unknown (unk_id), which llama.cpp's Unigram tokenizer needs.");
        if ((uint)unknown >= (uint)size)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"tokenizer.json says that token {unknown} of {size} is the unknown one.");
        table.Kinds[unknown] = TokenKind.Unknown;
        return Build(table, config, traits, normalizer.AddsPrefix, normalizer.RemovesExtraSpaces, normalizer.CharsMap);
    }

    private static (string Text, float Score) ReadPiece(JsonElement piece)
        => piece.GetArrayLength() == 2 && piece[0].GetString() is { } text ? (text, (float)piece[1].GetDouble()) : throw new FormatException("a piece is not a text and a score");

    private static Vocabulary Build(PieceTable table, CheckpointConfig config, TokenizerTraits traits, bool addPrefix, bool removeSpaces, byte[] charsMap)
    {
        RequireSound(charsMap);
        var facts = new List<(string Key, object Value)> { ("add_space_prefix", addPrefix) };
        if (traits.HasTokenTypes)
            facts.Add(("token_type_count", config.FindCount("type_vocab_size") ?? 1));
        facts.Add(("remove_extra_whitespaces", removeSpaces));
        if (charsMap.Length > 0)
            facts.Add(("precompiled_charsmap", charsMap));
        return new Vocabulary { Model = "t5", PreTokenizer = "default", Tokens = table.Tokens, Scores = table.Scores, Kinds = table.Kinds, Facts = facts };
    }

    /// <summary>A map starts with the length of its first part; the engine refuses one whose length cannot be.</summary>
    private static void RequireSound(byte[] charsMap)
    {
        if (charsMap.Length > 0 && (charsMap.Length <= sizeof(uint) || BinaryPrimitives.ReadUInt32LittleEndian(charsMap) + (long)sizeof(uint) >= charsMap.Length))
            throw new ModelOpsException(ErrorKind.CorruptFile, "The tokenizer's precompiled_charsmap is damaged: its parts are longer than the whole.", "Download the tokenizer files again.");
    }
}
