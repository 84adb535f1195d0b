namespace ModelOps.Fit;

/// <summary>
/// Size of the engine's compute buffers, for the pinned build. The engine reserves the worst graph: a whole batch with logits for every
/// token; its allocator reuses memory, so the size is that of the worst moment – the output, an attention, or a feed-forward network –
/// while the masks, which all layers share, stay. The terms were read off <c>no_alloc</c> runs of the engine (tests/ModelOps.Tests/Fit):
/// exact for most shapes, off by a few percent where the allocator leaves a hole.
/// </summary>
internal sealed class ComputeBuffers
{
    private readonly long _embedding;
    private readonly long _logits;
    private readonly long _masks;
    private readonly long _attention;
    private readonly long _feedForward;

    public ComputeBuffers(ModelShape model, ContextPlan context)
    {
        long batch = context.Batch;
        long row = sizeof(float) * batch;
        var heads = model.Heads.Max();
        long headsWidth = 0, scores = 0, valueIndices = 0;
        var (hasFull, hasSliding) = (false, false);
        checked
        {
            for (var layer = 0; layer < model.Layers; layer++)
            {
                headsWidth = Math.Max(headsWidth, (long)model.Heads[layer] * model.KeyLengths[layer]);
                if (model.KvHeads[layer] == 0)
                {
                    continue;
                }
                scores = Math.Max(scores, row * model.Heads[layer] * context.CellsOf(model, layer));
                valueIndices = Math.Max(valueIndices, sizeof(long) * batch * KvCache.ValueWidth(model, context, layer));
                hasFull |= !model.IsSlidingWindow[layer];
                hasSliding |= model.IsSlidingWindow[layer];
            }
            if (!model.HasKvCache && headsWidth > 0 && model.StateBytes.All(bytes => bytes == 0))
            {
                // Without a cache the batch attends to itself.
                scores = row * heads * batch;
            }

            // Each cache has a mask, F16 for the flash kernels and F32 otherwise; the transposed values are scattered one by one, by index.
            var cells = (hasFull || hasSliding ? context.Cells : 0L) + (hasSliding ? context.SlidingCells : 0L);
            var maskBytes = context.FlashAttention ? sizeof(ushort) : sizeof(float);
            var indices = context.FlashAttention ? 0 : valueIndices * (hasSliding ? 2 : 1);
            _masks = maskBytes * batch * cells + indices;
            _embedding = row * model.EmbeddingLength;
            _logits = row * model.VocabularySize;
            _attention = context.FlashAttention
                ? 3 * _embedding + 2 * row * headsWidth
                : scores + 2 * _embedding + 2 * row * headsWidth;
            _attention += row * heads * model.LatentLength;
            var hidden = row * model.FeedForwardLength;
            _feedForward = Math.Max(
                3 * hidden + 3 * _embedding,
                // Every expert's answer is kept until they are weighed and summed.
                2L * model.ExpertsUsed * _embedding + hidden + 2 * _embedding);
        }
        OutputBytes = sizeof(float) * (long)model.VocabularySize * context.Sequences;
        KvScratchBytes = ScratchBytes(model, context);
    }

    /// <summary>Logits of the last token of every sequence, which the engine keeps on the host.</summary>
    public long OutputBytes { get; }

    /// <summary>What GPU kernels take to read a quantized cache: keys and values of the widest layer as F16 (ggml-cuda, fattn-common.cuh).</summary>
    public long KvScratchBytes { get; }

    /// <summary>Compute buffer of the CPU when it computes layers, the output too if <paramref name="withOutput"/>.</summary>
    public long Cpu(bool withOutput)
        => checked(Math.Max(_masks + _embedding + Math.Max(_attention, _feedForward), withOutput ? _logits + 2 * _embedding : 0));

    /// <summary>The host's share when all layers are on GPUs: what is prepared there and sent over.</summary>
    public long Host => checked(_masks + 2 * _embedding);

    /// <summary>Compute buffer of a GPU; <paramref name="maskCopies"/> is 4 when several GPUs take turns (GGML_SCHED_MAX_COPIES).</summary>
    public long Gpu(bool withOutput, int maskCopies)
        => checked(Math.Max(_masks + Math.Max(_attention, _feedForward), withOutput ? _logits + _embedding : 0) + (maskCopies - 1) * _masks);

    private static long ScratchBytes(ModelShape model, ContextPlan context)
    {
        if (context.KvType.BlockLength() == 1)
        {
            return 0;
        }
        long widest = 0;
        for (var layer = 0; layer < model.Layers; layer++)
        {
            widest = Math.Max(widest, checked(sizeof(ushort) * (long)model.KvHeads[layer] * ((long)model.KeyLengths[layer] + model.ValueLengths[layer]) * context.CellsOf(model, layer)));
        }
        return widest;
    }
}
