using System.Numerics;

namespace ModelOps.Engine;

/// <summary>
/// Reads texts, many in a batch, and gives a row of numbers for each: a context of its own beside the one that writes, made when it is first needed, as long as the
/// longest text so far asks for. For one caller at a time.
/// </summary>
internal sealed unsafe class TextEncoder(LlamaApi api, LlamaModelHandle model, EngineOptions options, AdapterSet adapters) : IDisposable
{
    // What one micro batch reads at least: short texts go together.
    private const int LeastLength = 512;

    // More texts than that in one batch are no faster.
    private const int MostSequences = 64;

    private LlamaContextHandle? _context;
    private TokenBatch? _batch;
    private int _pooling;

    /// <summary>Whether the model has an encoder before a decoder: what it reads is not to be had as vectors then.</summary>
    public bool HasDecoderBehind { get; } = api.ModelHasEncoder(model.DangerousGetHandle()) != 0 && api.ModelHasDecoder(model.DangerousGetHandle()) != 0;

    /// <summary>Numbers in a vector.</summary>
    public int Width { get; } = api.ModelOutputWidth(model.DangerousGetHandle());

    /// <summary>Reads texts, none of them empty or longer than the model can read; the first <paramref name="width"/> numbers of each one's output, pooled as llama_pooling_type says.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineFailure"/>.</exception>
    public IReadOnlyList<float[]> Read(IReadOnlyList<int[]> texts, int pooling, int width, CancellationToken cancellationToken)
    {
        var context = Prepare(texts.Max(text => text.Length), pooling);
        using Lease lease = new(context);
        using var registration = cancellationToken.UnsafeRegister(static handle => ((LlamaContextHandle)handle!).SetAbort(true), context);
        var rows = new List<float[]>(texts.Count);
        var sequences = (int)api.MaxSequences(lease.Pointer);
        while (rows.Count < texts.Count)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = Fill(texts, rows.Count, sequences);
            Compute(lease.Pointer, cancellationToken);
            for (var sequence = 0; sequence < count; sequence++)
            {
                var row = api.GetEmbeddingsOfSequence(lease.Pointer, sequence);
                rows.Add(row != null ? new ReadOnlySpan<float>(row, width).ToArray() : throw new ModelOpsException(ErrorKind.EngineFailure, EngineLog.Explain("The model gives no vectors.")));
            }
        }
        return rows;
    }

    public void Dispose()
    {
        _context?.Dispose();
        _batch?.Dispose();
        _context = null;
        _batch = null;
    }

    private int Fill(IReadOnlyList<int[]> texts, int first, int most)
    {
        _batch!.Clear();
        var count = 0;
        while (count < most && first + count < texts.Count && _batch.Count + texts[first + count].Length <= _batch.Capacity)
        {
            var text = texts[first + count];
            for (var position = 0; position < text.Length; position++)
            {
                _batch.Add(text[position], position, count, output: true);
            }
            count++;
        }
        return count;
    }

    private void Compute(nint context, CancellationToken cancellationToken)
    {
        EngineLog.Clear();
        api.MemoryClear(api.GetMemory(context), 0);
        var status = api.ModelHasEncoder(model.DangerousGetHandle()) != 0 ? api.Encode(context, _batch!.Native) : api.Decode(context, _batch!.Native);
        cancellationToken.ThrowIfCancellationRequested();
        if (status != 0)
        {
            throw new ModelOpsException(ErrorKind.EngineFailure, EngineLog.Explain($"The texts could not be read ({status})."));
        }
        api.Synchronize(context);
    }

    private LlamaContextHandle Prepare(int longest, int pooling)
    {
        if (_context is not null && _pooling == pooling && _batch!.Capacity >= longest)
        {
            _context.SetAbort(false);
            return _context;
        }
        Dispose();
        var pointer = model.DangerousGetHandle();
        var keepsState = api.ModelIsRecurrent(pointer) != 0 || api.ModelIsHybrid(pointer) != 0;
        // The attention of such models sees a whole text at once, so all of it is in one micro batch.
        var length = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(LeastLength, longest));
        var wanted = options with { Parameters = options.Parameters with { ContextLength = length, BatchSize = length, Sequences = keepsState ? 1 : MostSequences, UnifiedCache = true } };
        _context = ModelLoading.CreateContext(api, model, wanted, pooling);
        adapters.Apply(_context);
        _batch = new TokenBatch(length);
        _pooling = pooling;
        return _context;
    }
}
