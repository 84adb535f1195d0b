namespace ModelOps.Engine;

/// <summary>Reads a model's answer, token by token: text that is certain, stop strings, reasoning apart from the answer, calls of tools.</summary>
internal sealed class AnswerReader(Vocabulary vocabulary, GenerationRequest request)
{
    private readonly AnswerText _text = new(request.Stop);
    private byte[] _piece = new byte[64];

    /// <summary>Whether a stop string was met.</summary>
    public bool Stopped => _text.Stopped;

    /// <summary>The answer so far.</summary>
    public string Text => _text.ToString();

    /// <summary>What the model thought so far; null when it marked nothing as such.</summary>
    public string? Reasoning => null;

    /// <summary>The tools that it called.</summary>
    public IReadOnlyList<ToolCall> ToolCalls => [];

    /// <summary>Takes a token; returns the pieces of text that are certain with it, one at least. With <paramref name="last"/>, all that was held back.</summary>
    public IReadOnlyList<GeneratedToken> Push(int token, bool last)
        => [new GeneratedToken(token, _text.Push(vocabulary.IsEndOfGeneration(token) ? [] : vocabulary.Piece(token, ref _piece), last))];
}
