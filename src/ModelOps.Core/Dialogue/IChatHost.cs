namespace ModelOps;

/// <summary>What a <see cref="ChatSession"/> talks through: a terminal, a shell's host, a script's lines.</summary>
public interface IChatHost
{
    /// <summary>The next line that the person typed; null when there is no more.</summary>
    /// <param name="isContinued">Whether it goes on the line before.</param>
    /// <param name="cancellationToken">Ends the chat.</param>
    Task<string?> ReadLineAsync(bool isContinued, CancellationToken cancellationToken);

    /// <summary>Shows a piece of an answer, or of the thoughts before it, as it comes; on any thread.</summary>
    void Write(string text, bool isReasoning);

    /// <summary>An answer is over.</summary>
    void EndAnswer(GenerationResult? result);

    /// <summary>Shows a remark that is not part of the conversation.</summary>
    void Note(string text);

    /// <summary>A path as the person means it.</summary>
    string FullPath(string path);

    /// <summary>Takes another model for the answers to come.</summary>
    Task LoadAsync(string model, CancellationToken cancellationToken);

    /// <summary>
    /// Answers. <see cref="OperationCanceledException"/> without <paramref name="cancellationToken"/> being cancelled means that the person stopped the answer, not the chat.
    /// </summary>
    Task<GenerationResult> AnswerAsync(GenerationRequest request, IProgress<GeneratedToken> progress, CancellationToken cancellationToken);
}
