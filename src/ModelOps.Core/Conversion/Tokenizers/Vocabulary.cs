using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Kinds of token in a GGUF vocabulary (llama.cpp's llama_token_type).</summary>
internal enum TokenKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

/// <summary>A vocabulary as GGUF holds it.</summary>
internal sealed class Vocabulary
{
    /// <summary>No model has more; guards against a vocab_size that would fill memory with padding.</summary>
    private const int MaximumTokens = 4 << 20;

    /// <summary><c>tokenizer.ggml.model</c>: <c>llama</c> for SentencePiece BPE, <c>t5</c> for Unigram, <c>gpt2</c> for byte-level BPE, <c>bert</c> for WordPiece.</summary>
    public required string Model { get; init; }

    /// <summary><c>tokenizer.ggml.pre</c>: which pre-tokenizer; null where the model of the tokenizer says it all.</summary>
    public string? PreTokenizer { get; init; }

    public required string[] Tokens { get; init; }

    public float[]? Scores { get; init; }

    public required TokenKind[] Kinds { get; init; }

    public string[]? Merges { get; init; }

    /// <summary>Whether text gets a space in front; null leaves the engine's default.</summary>
    public bool? AddSpacePrefix { get; init; }

    /// <summary>What else this kind of vocabulary says, by key without <c>tokenizer.ggml.</c>; it comes before the special tokens.</summary>
    public IReadOnlyList<(string Key, object Value)> Facts { get; init; } = [];

    /// <summary>The same for what comes at the end.</summary>
    public IReadOnlyList<(string Key, object Value)> LastFacts { get; init; } = [];

    /// <summary>Reads whichever vocabulary the checkpoint has: SentencePiece first, as its scores are the truest.</summary>
    public static Vocabulary Read(TokenizerFiles files, CheckpointConfig config, TokenizerTraits traits)
    {
        if (FindSentencePiece(files, traits) is { } path)
        {
            var model = SentencePieceModel.Read(path);
            return traits.AllowsUnigram && !model.IsBytePairEncoding
                ? UnigramVocabulary.FromModel(model, files, config, traits)
                : SentencePieceVocabulary.FromModel(model, files, config, traits);
        }
        if (files.Tokenizer is not { } tokenizer)
        {
            if (files.WordListPath is { } list)
                return WordPieceVocabulary.FromList(list, files, config);
            throw new ModelOpsException(
                ErrorKind.UnsupportedTokenizer,
                $"{files.Folder} has neither tokenizer.json nor a SentencePiece tokenizer.model.",
                "A checkpoint needs its tokenizer files beside the weights; download them too.");
        }
        return CheckpointJson.Guard("tokenizer.json", () =>
        {
            if (!tokenizer.TryGetProperty("model", out var model))
                throw new FormatException("there is no 'model'");
            var type = model.TryGetProperty("type", out var name) ? name.GetString() : "BPE";
            if (type == "WordPiece")
                return WordPieceVocabulary.FromTokenizerJson(tokenizer, files, config);
            if (type == "Unigram" && traits.AllowsUnigram)
                return UnigramVocabulary.FromTokenizerJson(tokenizer, files, config, traits);
            if (type != "BPE")
                throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, $"A tokenizer.json of type {type} cannot be converted.", "Supported: byte-level BPE, SentencePiece BPE with byte fallback, WordPiece; Unigram for encoders and T5.");
            return model.TryGetProperty("byte_fallback", out var fallback) && fallback.ValueKind == System.Text.Json.JsonValueKind.True
                ? SentencePieceVocabulary.FromTokenizerJson(tokenizer, files, config, traits)
                : ByteLevelVocabulary.Read(tokenizer, files, config, traits);
        });
    }

    /// <summary>Writes the vocabulary, special tokens and chat templates.</summary>
    public void Write(TokenizerFiles files, CheckpointConfig config, TokenizerTraits traits, GgufMetadata metadata)
    {
        metadata.Set("tokenizer.ggml.model", Model);
        if (PreTokenizer is not null)
            metadata.Set("tokenizer.ggml.pre", PreTokenizer);
        metadata.Set("tokenizer.ggml.tokens", Tokens);
        if (Scores is not null)
            metadata.Set("tokenizer.ggml.scores", Scores);
        metadata.Set("tokenizer.ggml.token_type", Array.ConvertAll(Kinds, kind => (int)kind));
        if (Merges is not null)
            metadata.Set("tokenizer.ggml.merges", Merges);
        Write(Facts);
        SpecialTokens.Write(files, config, traits, Tokens.Length, metadata);
        if (AddSpacePrefix is { } prefix && !metadata.ContainsKey("tokenizer.ggml.add_space_prefix"))
            metadata.Set("tokenizer.ggml.add_space_prefix", prefix);
        Write(LastFacts);

        void Write(IReadOnlyList<(string Key, object Value)> facts)
        {
            foreach (var (key, value) in facts)
                metadata.Set($"tokenizer.ggml.{key}", value);
        }
    }

    private static string? FindSentencePiece(TokenizerFiles files, TokenizerTraits traits)
        => traits.IsFairseq ? files.FindSentencePiece("sentencepiece.bpe.model")
        : traits.AllowsUnigram ? files.FindSentencePiece("tokenizer.model", "spiece.model")
        : files.SentencePiecePath;

    /// <summary>The <c>vocab</c> of tokenizer.json's model: ids by text. Of a text that is there twice the last counts, as in Python.</summary>
    public static Dictionary<string, int> ReadIds(JsonElement model)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in model.GetProperty("vocab").EnumerateObject())
            ids[entry.Name] = entry.Value.GetInt32();
        return ids;
    }

    /// <summary>Size of the vocabulary: config.json's, else what the tokenizer has.</summary>
    public static int Size(CheckpointConfig config, long tokens)
    {
        var size = config.Find("vocab_size") is null ? tokens : config.Size("vocab_size");
        return size <= MaximumTokens
            ? checked((int)size)
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says vocab_size = {size}, which cannot be.");
    }

    /// <summary>
    /// Some makers mark control tokens as ordinary; these are taken for control tokens anyway (does_token_look_special of llama.cpp's
    /// converter).
    /// </summary>
    public static bool LooksSpecial(string token)
        => token is "<pad>" or "<mask>" or "<2mass>" or "[@BOS@]"
            || (token.StartsWith("<|", StringComparison.Ordinal) && token.EndsWith("|>", StringComparison.Ordinal))
            || (token.StartsWith("<｜", StringComparison.Ordinal) && token.EndsWith("｜>", StringComparison.Ordinal))
            || (token.StartsWith("<unused", StringComparison.Ordinal) && token.EndsWith('>'));
}
