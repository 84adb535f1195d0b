namespace ModelOps;

/// <summary>
/// A model loaded by llama.cpp in this process: the pinned libllama through its C API. An abort in native code ends the process; front
/// ends that must survive it use <see cref="WorkerRunner"/>. Not safe for concurrent calls.
/// </summary>
public sealed class LlamaEngine : IDisposable
{
    /// <summary>Loads a model; the header is validated in managed code before native code sees the file.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/>, <see cref="ErrorKind.EngineFailure"/> with the engine's last log lines, <see cref="ErrorKind.CorruptFile"/>.</exception>
    public static Task<LlamaEngine> LoadAsync(EngineOptions options, IProgress<float>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Context length in tokens, after the engine's rounding.</summary>
    public int ContextLength => throw new NotImplementedException();

    /// <summary>Vocabulary size.</summary>
    public int VocabularySize => throw new NotImplementedException();

    /// <summary>Token ids of a text.</summary>
    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial) => throw new NotImplementedException();

    /// <summary>Answers a request; <paramref name="progress"/> sees every token as it comes.</summary>
    public Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>
    /// Forgets everything and computes the logits of every position of <paramref name="tokens"/> (at most the context length) in one go:
    /// [tokens, vocabulary], row-major, valid until the next call.
    /// </summary>
    public ReadOnlySpan<float> Evaluate(ReadOnlySpan<int> tokens) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}
