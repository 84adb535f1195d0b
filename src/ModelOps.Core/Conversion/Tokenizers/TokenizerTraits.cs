namespace ModelOps.Conversion;

/// <summary>What an architecture knows of its tokenizer that the tokenizer's files do not say.</summary>
internal sealed record TokenizerTraits
{
    public static TokenizerTraits None { get; } = new();

    /// <summary>
    /// llama.cpp's name for the family's pre-tokenizer. It is taken where it splits exactly as tokenizer.json says; never otherwise.
    /// </summary>
    public string? PreTokenizer { get; init; }

    /// <summary>Whether added tokens of a SentencePiece vocabulary are just what the files mark them as, whatever they look like.</summary>
    public bool AddedTokensAsMarked { get; init; }

    /// <summary>Whether SentencePiece models may be of type Unigram. (Byte pieces are never used then: what is unknown stays unknown.)</summary>
    public bool AllowsUnigram { get; init; }

    /// <summary>
    /// Whether a SentencePiece model comes from fairseq, as <c>sentencepiece.bpe.model</c>: its ids are one less than the model's, because
    /// fairseq has four tokens of its own where it has three.
    /// </summary>
    public bool IsFairseq { get; init; }

    /// <summary>Whether the model tells texts of a pair apart by a token's type (BERT's segments).</summary>
    public bool HasTokenTypes { get; init; }

    /// <summary>Special tokens by kind and text, for those that the files leave open.</summary>
    public IReadOnlyList<(string Kind, string Text)> SpecialTokens { get; init; } = [];
}
