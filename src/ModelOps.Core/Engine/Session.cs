using System.Runtime.InteropServices;

namespace ModelOps.Engine;

/// <summary>A context of a model: reads tokens, remembers them, gives logits. For one thread at a time.</summary>
internal sealed unsafe class Session : IDisposable
{
    private readonly LlamaContextHandle _context;
    private readonly bool _hasEncoder;
    private float* _logits;
    private nuint _logitsLength;

    public Session(LlamaApi api, LlamaModelHandle model, LlamaContextHandle context)
    {
        Api = api;
        _context = context;
        nint pointer = context.DangerousGetHandle();
        Vocabulary = new Vocabulary(api, api.ModelGetVocab(model.DangerousGetHandle()));
        ContextLength = (int)api.ContextLength(pointer);
        Sequences = (int)api.MaxSequences(pointer);
        SequenceLength = (int)api.SequenceLength(pointer);
        BatchLength = (int)api.BatchLength(pointer);
        MicroBatchLength = (int)api.MicroBatchLength(pointer);
        Memory = new SequenceMemory(api, api.GetMemory(pointer), api.ModelSlidingWindow(model.DangerousGetHandle()));
        TrainedLength = api.ModelTrainedContext(model.DangerousGetHandle());
        _hasEncoder = api.ModelHasEncoder(model.DangerousGetHandle()) != 0;
    }

    public LlamaApi Api { get; }

    public Vocabulary Vocabulary { get; }

    /// <summary>Tokens that all sequences together can hold.</summary>
    public int ContextLength { get; }

    /// <summary>Sequences that are held side by side.</summary>
    public int Sequences { get; }

    /// <summary>Tokens that one sequence can hold.</summary>
    public int SequenceLength { get; }

    /// <summary>Tokens that the model was trained to see.</summary>
    public int TrainedLength { get; }

    /// <summary>Whether the sequences take their room from one another.</summary>
    public bool SharesCache => Sequences > 1 && SequenceLength == ContextLength;

    /// <summary>Most tokens of a decode (n_batch).</summary>
    public int BatchLength { get; }

    /// <summary>Tokens that are computed at once (n_ubatch).</summary>
    public int MicroBatchLength { get; }

    /// <summary>What it remembers.</summary>
    public SequenceMemory Memory { get; }

    /// <summary>Keeps the context alive while it is held.</summary>
    public Lease Lend() => new(_context);

    /// <summary>Refuses models that write no text.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public void RequireWriter()
    {
        RequireDecoder();
        if (!Memory.Exists)
        {
            throw NoLogits();
        }
    }

    /// <summary>Reads a batch; llama_decode's answer: 0, 1 without room for it, 2 aborted, less than 0 an error that the log explains.</summary>
    public int Decode(TokenBatch batch)
    {
        using Lease lease = new(_context);
        EngineLog.Clear();
        return Api.Decode(lease.Pointer, batch.Native);
    }

    /// <summary>Has a running decode stop (on the CPU), or takes that back. For any thread.</summary>
    public void Abort(bool abort) => _context.SetAbort(abort);

    /// <summary>Has a request choose its next token after an output of the last decode; true when it is done.</summary>
    public bool Advance(Generation request, int output, TimeSpan loadTime)
    {
        using Lease lease = new(_context);
        CheckLogits(Api.GetLogitsOf(lease.Pointer, output));
        return request.Advance(lease.Pointer, output, Vocabulary, SequenceLength, loadTime);
    }

    /// <summary>Why a text of so many tokens cannot be read.</summary>
    public ModelOpsException Full(int tokens)
        => new(ErrorKind.ContextFull, $"{tokens} tokens do not fit the context of {SequenceLength}.", "Shorten the prompt, or ask for a longer context.");

    /// <summary>Forgets everything.</summary>
    public void Forget()
    {
        using Lease lease = new(_context);
        Memory.Clear();
    }

    /// <summary>Reads tokens after what it remembers, batch by batch, and waits until they are computed. They must fit what is left of the context.</summary>
    public void Extend(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
    {
        using Lease lease = new(_context);
        using CancellationTokenRegistration registration = Listen(cancellationToken);
        for (int start = 0; start < tokens.Length; start += BatchLength)
        {
            Decode(lease.Pointer, tokens.Slice(start, Math.Min(BatchLength, tokens.Length - start)), outputs: null, cancellationToken);
        }
        Api.Synchronize(lease.Pointer);
    }

    /// <summary>Threads that compute a token.</summary>
    public int Threads
    {
        get
        {
            using Lease lease = new(_context);
            return Api.Threads(lease.Pointer);
        }
    }

    /// <summary>What the engine itself has counted; zeros unless <see cref="EngineOptions.CountsTime"/>.</summary>
    public LlamaPerformance Counters
    {
        get
        {
            using Lease lease = new(_context);
            return Api.Performance(lease.Pointer);
        }
    }

    /// <summary>Sets what the engine has counted back to nothing.</summary>
    public void ResetCounters()
    {
        using Lease lease = new(_context);
        Api.PerformanceReset(lease.Pointer);
    }

    /// <summary>Forgets everything; the logits of every position: [tokens, vocabulary], valid until the next call.</summary>
    public ReadOnlySpan<float> Evaluate(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
    {
        using Lease lease = new(_context);
        using CancellationTokenRegistration registration = Begin(tokens, cancellationToken);
        long length = (long)tokens.Length * Vocabulary.Count;
        if (length > int.MaxValue)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The logits of {tokens.Length} tokens of a vocabulary of {Vocabulary.Count} are too many for one call.", "Ask for fewer tokens at once.");
        }
        sbyte[] outputs = new sbyte[Math.Min(tokens.Length, BatchLength)];
        Array.Fill<sbyte>(outputs, 1);
        fixed (sbyte* wanted = outputs)
        {
            if (tokens.Length <= BatchLength)
            {
                Decode(lease.Pointer, tokens, wanted, cancellationToken);
                return new ReadOnlySpan<float>(CheckLogits(Api.GetLogits(lease.Pointer)), (int)length);
            }
            // The engine keeps one batch's logits only.
            if (_logitsLength < (nuint)length)
            {
                _logits = (float*)NativeMemory.Realloc(_logits, (nuint)length * sizeof(float));
                _logitsLength = (nuint)length;
            }
            Span<float> all = new(_logits, (int)length);
            for (int start = 0; start < tokens.Length; start += BatchLength)
            {
                ReadOnlySpan<int> batch = tokens.Slice(start, Math.Min(BatchLength, tokens.Length - start));
                Decode(lease.Pointer, batch, wanted, cancellationToken);
                new ReadOnlySpan<float>(CheckLogits(Api.GetLogits(lease.Pointer)), batch.Length * Vocabulary.Count).CopyTo(all[(start * Vocabulary.Count)..]);
            }
            return all;
        }
    }

    public void Dispose()
    {
        _context.Dispose();
        NativeMemory.Free(_logits);
        _logits = null;
        _logitsLength = 0;
    }

    private CancellationTokenRegistration Begin(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
    {
        RequireDecoder();
        if (tokens.Length > SequenceLength)
        {
            throw Full(tokens.Length);
        }
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)Vocabulary.Count)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no token {token} in a vocabulary of {Vocabulary.Count}.");
            }
        }
        cancellationToken.ThrowIfCancellationRequested();
        Memory.Clear();
        return Listen(cancellationToken);
    }

    private CancellationTokenRegistration Listen(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _context.SetAbort(false);
        return cancellationToken.UnsafeRegister(static handle => ((LlamaContextHandle)handle!).SetAbort(true), _context);
    }

    private void Decode(nint context, ReadOnlySpan<int> tokens, sbyte* outputs, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        EngineLog.Clear();
        int status;
        fixed (int* pointer = tokens)
        {
            status = Api.Decode(context, new LlamaBatch { TokenCount = tokens.Length, Tokens = pointer, Outputs = outputs });
        }
        switch (status)
        {
            case 0:
                return;
            case 1:
                throw new ModelOpsException(ErrorKind.ContextFull, $"The context of {ContextLength} tokens is full.", "Ask for a longer context.");
            case 2:
                throw new OperationCanceledException(cancellationToken);
            default:
                throw new ModelOpsException(ErrorKind.EngineFailure, EngineLog.Explain($"Decoding failed ({status})."));
        }
    }

    private void RequireDecoder()
    {
        if (_hasEncoder)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "Models with an encoder cannot be run yet.", "Use a decoder-only model.");
        }
    }

    private static float* CheckLogits(float* logits) => logits != null ? logits : throw NoLogits();

    private static ModelOpsException NoLogits()
        => new(ErrorKind.InvalidArgument, "The model gives no logits: it is an embedding model, not one that writes text.", "Ask it for embeddings instead.");
}
