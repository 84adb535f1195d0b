using System.Diagnostics;
using ModelOps.Engine;

namespace ModelOps;

/// <summary>
/// A model loaded by llama.cpp in this process: the pinned libllama through its C API. An abort in native code ends the process; front
/// ends that must survive it use <see cref="WorkerRunner"/>. Not safe for concurrent calls.
/// </summary>
public sealed class LlamaEngine : IDisposable
{
    private readonly LlamaModelHandle _model;
    private readonly Session _session;
    private readonly GgufMetadata _metadata;
    private readonly SamplingSettings _sampling;
    // Read at the first conversation: a model with a broken template can still be measured and prompted raw.
    private ModelTemplate? _template;
    private int _busy;

    private LlamaEngine(LlamaModelHandle model, Session session, GgufMetadata metadata)
    {
        _model = model;
        _session = session;
        _metadata = metadata;
        _sampling = SamplingSettings.Of(metadata);
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

    /// <summary>Answers a request; <paramref name="progress"/> sees every token as it comes, on a thread of the pool.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.ContextFull"/>, <see cref="ErrorKind.EngineFailure"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the engine can be used again.</exception>
    public Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Task.Run(() => Exclusively(() => Generate(request, progress, cancellationToken)), cancellationToken);
    }

    /// <summary>
    /// Forgets everything and computes the logits of every position of <paramref name="tokens"/> (at most the context length) in one go:
    /// [tokens, vocabulary], row-major, valid until the next call.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.ContextFull"/>, <see cref="ErrorKind.EngineFailure"/>.</exception>
    public ReadOnlySpan<float> Evaluate(ReadOnlySpan<int> tokens) => Evaluate(tokens, CancellationToken.None);

    internal ReadOnlySpan<float> Evaluate(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
    {
        Enter();
        try
        {
            return _session.Evaluate(tokens, cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>Lends the session for work of its own, such as a benchmark.</summary>
    internal T Use<T>(Func<Session, T> work)
    {
        using Lease lease = new(_model);
        return Exclusively(() => work(_session));
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
        return file;
    }

    private static LlamaEngine Load(EngineOptions options, IProgress<float>? progress, CancellationToken cancellationToken)
    {
        GgufFile file = Check(options);
        LlamaApi api = LlamaLibrary.Load(options.LibraryDirectory);
        LlamaModelHandle model = ModelLoading.LoadModel(api, options, progress, cancellationToken);
        try
        {
            return new LlamaEngine(model, new Session(api, model, ModelLoading.CreateContext(api, model, options)), file.Metadata);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private GenerationResult Generate(GenerationRequest request, IProgress<GeneratedToken>? progress, CancellationToken cancellationToken)
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
        SamplingSettings settings = _sampling.For(request);
        int[] prompt = Vocabulary.TokenizePrompt(Render(request, cancellationToken));
        if (prompt.Length == 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The prompt is empty.");
        }
        using Lease model = new(_model);
        using TokenSampler sampler = new(_session, settings, request);

        long start = Stopwatch.GetTimestamp();
        _session.Read(prompt, cancellationToken);
        TimeSpan reading = Stopwatch.GetElapsedTime(start);

        start = Stopwatch.GetTimestamp();
        AnswerReader answer = new(Vocabulary, request);
        List<int> tokens = new(Math.Min(request.MaxTokens, ContextLength));
        FinishReason? finish = null;
        while (finish is null)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int token = _session.Sample(sampler);
            tokens.Add(token);
            bool ended = Vocabulary.IsEndOfGeneration(token);
            bool full = tokens.Count == request.MaxTokens || prompt.Length + tokens.Count > ContextLength;
            foreach (GeneratedToken piece in answer.Push(token, last: ended || full))
            {
                progress?.Report(piece);
            }
            finish = ended || answer.Stopped ? answer.ToolCalls.Count > 0 ? FinishReason.ToolCalls : FinishReason.Stop : full ? FinishReason.Length : null;
            if (finish is null)
            {
                _session.Append(token, cancellationToken);
            }
        }
        // The first token came out of reading the prompt; the others took a decode each.
        double rate = tokens.Count > 1 ? (tokens.Count - 1) / Stopwatch.GetElapsedTime(start).TotalSeconds : 0;
        return new GenerationResult(answer.Text, tokens, prompt.Length, prompt.Length / reading.TotalSeconds, rate, finish.Value) { Reasoning = answer.Reasoning, ToolCalls = answer.ToolCalls };
    }

    private T Exclusively<T>(Func<T> call)
    {
        Enter();
        try
        {
            return call();
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private void Enter()
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0)
        {
            throw new InvalidOperationException("The engine is in the middle of another call.");
        }
    }
}
