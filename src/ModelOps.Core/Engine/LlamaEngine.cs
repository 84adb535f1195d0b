using System.Diagnostics;
using ModelOps.Engine;
using ModelOps.Fit;
using ModelOps.Formats;

namespace ModelOps;

/// <summary>
/// A model loaded by llama.cpp in this process: the pinned libllama through its C API. An abort in native code ends the process; front
/// ends that must survive it use <see cref="WorkerRunner"/>. Many may ask at once: as many answers as it has sequences
/// (<see cref="EngineParameters.Sequences"/>) are written side by side, the others wait in the order of their coming.
/// </summary>
public sealed class LlamaEngine : IDisposable
{
    private readonly LlamaModelHandle _model;
    private readonly Session _session;
    private readonly DecodeLoop _loop;
    private readonly EmbeddingModel _embedding;
    private readonly GgufMetadata _metadata;
    private readonly bool _writes;
    private readonly SamplingSettings _sampling;
    // Read at the first conversation: a model with a broken template can still be measured and prompted raw.
    private ModelTemplate? _template;

    private LlamaEngine(LlamaModelHandle model, Session session, TextEncoder encoder, GgufFile file, TimeSpan loadTime)
    {
        _model = model;
        _session = session;
        _loop = new DecodeLoop(session, loadTime);
        // Without a memory a text's length is bounded by what the model was trained for only.
        _embedding = new EmbeddingModel(encoder, session.Vocabulary, file, session.Memory.Exists ? session.ContextLength : session.TrainedLength);
        _metadata = file.Metadata;
        _writes = Purposes.Of(file.Metadata, file.Architecture) == ModelPurpose.Text;
        _sampling = SamplingSettings.Of(file.Metadata);
    }

    /// <summary>The clock that templates ask for today's date.</summary>
    internal TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>Context length in tokens, after the engine's rounding.</summary>
    public int ContextLength => _session.ContextLength;

    /// <summary>Vocabulary size.</summary>
    public int VocabularySize => _session.Vocabulary.Count;

    /// <summary>The tokenizer.</summary>
    internal Vocabulary Vocabulary => _session.Vocabulary;

    /// <summary>Loads a model; the header is validated in managed code before native code sees the file.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/>, <see cref="ErrorKind.EngineFailure"/> with the engine's last log lines, <see cref="ErrorKind.CorruptFile"/>.</exception>
    public static Task<LlamaEngine> LoadAsync(EngineOptions options, IProgress<float>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Task.Run(() => Load(options, progress, cancellationToken), cancellationToken);
    }

    /// <summary>Token ids of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecial">Add BOS and EOS where the model wants them.</param>
    /// <param name="parseSpecial">Recognise special tokens by their text.</param>
    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial)
    {
        ArgumentNullException.ThrowIfNull(text);
        using Lease lease = new(_model);
        return Vocabulary.Tokenize(text, addSpecial, parseSpecial);
    }

    /// <summary>Answers a request; <paramref name="progress"/> sees every token as it comes, on a thread of the pool. For any number of callers.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.ContextFull"/>, <see cref="ErrorKind.EngineFailure"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; other requests go on.</exception>
    public Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        long order = _loop.NextOrder();
        return Task.Run(() => _loop.AnswerAsync(Begin(request, order, progress is not null, cancellationToken), progress, cancellationToken), cancellationToken);
    }

    /// <summary>The vectors of texts, many read in a batch. Beside answers it works at the same time, with a context of its own.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.ContextFull"/>, <see cref="ErrorKind.EngineFailure"/>.</exception>
    public Task<EmbeddingResult> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _embedding.EmbedAsync(request, cancellationToken);
    }

    /// <summary>How well documents answer a query, by a model that was trained to judge that.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.ContextFull"/>, <see cref="ErrorKind.EngineFailure"/>.</exception>
    public Task<RerankResult> RerankAsync(RerankRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _embedding.RerankAsync(request, cancellationToken);
    }

    /// <summary>
    /// Forgets everything and computes the logits of every position of <paramref name="tokens"/> (at most the context length) in one go:
    /// [tokens, vocabulary], row-major, valid until the next call.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.ContextFull"/>, <see cref="ErrorKind.EngineFailure"/>.</exception>
    public ReadOnlySpan<float> Evaluate(ReadOnlySpan<int> tokens) => Evaluate(tokens, CancellationToken.None);

    internal ReadOnlySpan<float> Evaluate(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
    {
        RequireWriter();
        using DecodeLoop.Loan loan = _loop.Borrow();
        return _session.Evaluate(tokens, cancellationToken);
    }

    /// <summary>Lends the session for work of its own, such as a benchmark.</summary>
    internal T Use<T>(Func<Session, T> work)
    {
        using Lease lease = new(_model);
        using DecodeLoop.Loan loan = _loop.Borrow();
        return work(_session);
    }

    /// <summary>The text that the model sees of a request: the rendered conversation, or the prompt as it is.</summary>
    internal string Render(GenerationRequest request, CancellationToken cancellationToken = default)
    {
        if (request.Raw)
        {
            return request.Prompt;
        }
        using Lease lease = new(_model);
        _template ??= ModelTemplate.Of(_metadata, Vocabulary);
        return _template.Render(request, Time.GetLocalNow(), cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _loop.Dispose();
        _embedding.Dispose();
        _session.Dispose();
        _model.Dispose();
    }

    /// <summary>What can be said of a request to load before any native code, or another process, is needed: options and the file's header.</summary>
    internal static GgufFile Check(EngineOptions options)
    {
        options.Parameters.Validate();
        if (options.Threads < 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{options.Threads} threads cannot compute.", "Give a number from 1 on, or 0 for one a core.");
        }
        if (options.Threads > ModelLoading.MostThreads)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The engine works with {ModelLoading.MostThreads} threads at most, not {options.Threads}.", "Leave the threads out: one a core is usually fastest.");
        }
        GgufFile file = GgufFile.Read(options.ModelPath);
        ModelFileCheck.Check(file);
        ModelFileCheck.CheckShards(file, options.ModelPath);
        ModelLoading.CheckContext(options.Parameters, file);
        if (options.Adapters.Count > 0)
        {
            Dictionary<string, GgufTensor> tensors = GgufShards.Of(options.ModelPath).SelectMany(path => GgufFile.Read(path).Tensors).ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
            foreach (AdapterOptions adapter in options.Adapters)
            {
                AdapterCheck.Check(adapter, file.Architecture, tensors);
            }
        }
        return file;
    }

    private static LlamaEngine Load(EngineOptions options, IProgress<float>? progress, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        GgufFile file = Check(options);
        LlamaApi api = LlamaLibrary.Load(options.LibraryDirectory);
        LlamaModelHandle model = ModelLoading.LoadModel(api, options, file, progress, cancellationToken);
        try
        {
            AdapterSet adapters = AdapterSet.Load(api, model, options.Adapters);
            LlamaContextHandle context = ModelLoading.CreateContext(api, model, options);
            adapters.Apply(context);
            return new LlamaEngine(model, new Session(api, model, context), new TextEncoder(api, model, options, adapters), file, Stopwatch.GetElapsedTime(start));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private void RequireWriter()
    {
        if (!_writes)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The model is an embedding model: it sees the whole text at once and writes none.", "Ask it for embeddings, or give a model that writes text.");
        }
        _session.RequireWriter();
    }

    /// <summary>All that can be said of a request before its turn comes: the prompt as tokens, and what will choose the answer's.</summary>
    private Generation Begin(GenerationRequest request, long order, bool streams, CancellationToken cancellationToken)
    {
        if (request.MaxTokens < 1)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"At most {request.MaxTokens} tokens is no answer; ask for one at least.");
        }
        if (request.Messages is { Count: 0 })
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The conversation has no messages.");
        }
        if (request.Raw && request.Tools.Count > 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "Tools are told to the model through the chat template, which a raw prompt bypasses.", "Leave one of them out.");
        }
        using Lease model = new(_model);
        RequireWriter();
        if (request.Overflow == ContextOverflow.Shift && !_session.Memory.CanShift)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The memory of this model cannot drop what is old: its layers remember by windows, or by positions that cannot be moved.",
                "Leave the overflow out and ask for a context that the whole answer fits.");
        }
        SamplingSettings settings = _sampling.For(request);
        string text = Render(request, cancellationToken);
        if (text.Length > _session.SequenceLength && Vocabulary.LeastTokens(text) is var least && least > _session.SequenceLength)
        {
            throw _session.Full(least);
        }
        int[] prompt = Vocabulary.TokenizePrompt(text);
        if (prompt.Length == 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The prompt is empty.");
        }
        if (prompt.Length > _session.SequenceLength)
        {
            throw _session.Full(prompt.Length);
        }
        return new Generation(request, prompt, new TokenSampler(_session, settings, request), new AnswerReader(Vocabulary, request, request.Raw ? null : _template!.Syntax, text), order, streams);
    }
}
