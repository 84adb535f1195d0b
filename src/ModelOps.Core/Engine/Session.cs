using System.Runtime.InteropServices;

namespace ModelOps.Engine;

/// <summary>A context of a model: reads tokens, remembers them, gives logits.</summary>
internal sealed unsafe class Session : IDisposable
{
    private readonly LlamaContextHandle _context;
    private readonly bool _hasEncoder;
    private readonly int _batchLength;
    private float* _logits;
    private nuint _logitsLength;

    public Session(LlamaApi api, LlamaModelHandle model, LlamaContextHandle context)
    {
        Api = api;
        _context = context;
        nint pointer = context.DangerousGetHandle();
        Vocabulary = new Vocabulary(api, api.ModelGetVocab(model.DangerousGetHandle()));
        ContextLength = (int)api.ContextLength(pointer);
        _batchLength = (int)api.BatchLength(pointer);
        _hasEncoder = api.ModelHasEncoder(model.DangerousGetHandle()) != 0;
    }

    public LlamaApi Api { get; }

    public Vocabulary Vocabulary { get; }

    public int ContextLength { get; }

    /// <summary>Forgets everything and reads a prompt, batch by batch; the logits of its last token are there afterwards.</summary>
    public void Read(ReadOnlySpan<int> prompt, CancellationToken cancellationToken)
    {
        using Lease lease = new(_context);
        using CancellationTokenRegistration registration = Begin(prompt, lease.Pointer, cancellationToken);
        for (int start = 0; start < prompt.Length; start += _batchLength)
        {
            Decode(lease.Pointer, prompt.Slice(start, Math.Min(_batchLength, prompt.Length - start)), outputs: null, cancellationToken);
        }
        Api.Synchronize(lease.Pointer);
        CheckLogits(Api.GetLogits(lease.Pointer));
    }

    /// <summary>Forgets everything.</summary>
    public void Forget()
    {
        using Lease lease = new(_context);
        Api.MemoryClear(Api.GetMemory(lease.Pointer), 0);
    }

    /// <summary>Reads tokens after what it remembers, batch by batch, and waits until they are computed. They must fit what is left of the context.</summary>
    public void Extend(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
    {
        using Lease lease = new(_context);
        using CancellationTokenRegistration registration = Listen(cancellationToken);
        for (int start = 0; start < tokens.Length; start += _batchLength)
        {
            Decode(lease.Pointer, tokens.Slice(start, Math.Min(_batchLength, tokens.Length - start)), outputs: null, cancellationToken);
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

    /// <summary>Reads one token more.</summary>
    public void Append(int token, CancellationToken cancellationToken)
    {
        using Lease lease = new(_context);
        Decode(lease.Pointer, new ReadOnlySpan<int>(in token), outputs: null, cancellationToken);
    }

    /// <summary>Chooses the token that comes next.</summary>
    public int Sample(TokenSampler sampler)
    {
        using Lease context = new(_context);
        return sampler.Choose(context.Pointer);
    }

    /// <summary>Forgets everything; the logits of every position: [tokens, vocabulary], valid until the next call.</summary>
    public ReadOnlySpan<float> Evaluate(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
    {
        using Lease lease = new(_context);
        using CancellationTokenRegistration registration = Begin(tokens, lease.Pointer, cancellationToken);
        long length = (long)tokens.Length * Vocabulary.Count;
        if (length > int.MaxValue)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The logits of {tokens.Length} tokens of a vocabulary of {Vocabulary.Count} are too many for one call.", "Ask for fewer tokens at once.");
        }
        sbyte[] outputs = new sbyte[Math.Min(tokens.Length, _batchLength)];
        Array.Fill<sbyte>(outputs, 1);
        fixed (sbyte* wanted = outputs)
        {
            if (tokens.Length <= _batchLength)
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
            for (int start = 0; start < tokens.Length; start += _batchLength)
            {
                ReadOnlySpan<int> batch = tokens.Slice(start, Math.Min(_batchLength, tokens.Length - start));
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

    private CancellationTokenRegistration Begin(ReadOnlySpan<int> tokens, nint context, CancellationToken cancellationToken)
    {
        if (_hasEncoder)
        {
            throw new ModelOpsException(ErrorKind.EngineFailure, "Models with an encoder cannot be run yet.", "Use a decoder-only model.");
        }
        if (tokens.Length > ContextLength)
        {
            throw new ModelOpsException(ErrorKind.ContextFull, $"{tokens.Length} tokens do not fit the context of {ContextLength}.", "Shorten the prompt, or ask for a longer context.");
        }
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)Vocabulary.Count)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no token {token} in a vocabulary of {Vocabulary.Count}.");
            }
        }
        cancellationToken.ThrowIfCancellationRequested();
        Api.MemoryClear(Api.GetMemory(context), 0);
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

    private static float* CheckLogits(float* logits) => logits != null ? logits
        : throw new ModelOpsException(ErrorKind.EngineFailure, "The model gives no logits: it is an embedding model, not one that writes text.");
}
