namespace ModelOps.Conversion;

/// <summary>A vocabulary of pieces with scores; ids that nothing is said of are padding.</summary>
internal sealed class PieceTable
{
    /// <summary>Score of tokens that are never merged to.</summary>
    public const float AddedScore = -1000;

    private const float PaddingScore = -10000;

    /// <param name="size">Tokens, padding included.</param>
    public PieceTable(int size)
    {
        Tokens = new string[size];
        Scores = new float[size];
        Kinds = new TokenKind[size];
        for (var id = 0; id < size; id++)
            Set(id, $"[PAD{id}]", PaddingScore, TokenKind.Unused);
    }

    public string[] Tokens { get; }

    public float[] Scores { get; }

    public TokenKind[] Kinds { get; }

    /// <summary>Ids beyond the vocabulary are ignored: the model has no row for them.</summary>
    public void Set(int id, string text, float score, TokenKind kind)
    {
        if ((uint)id < (uint)Tokens.Length)
            (Tokens[id], Scores[id], Kinds[id]) = (text, score, kind);
    }

    /// <summary>Sets the pieces of a SentencePiece model, from id 0 on.</summary>
    public void Set(IReadOnlyList<SentencePiece> pieces)
    {
        for (var id = 0; id < pieces.Count; id++)
            Set(id, pieces[id].Text, pieces[id].Score, pieces[id].Kind);
    }
}
