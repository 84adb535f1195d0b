namespace ModelOps.Fit;

/// <summary>
/// An upper estimate of the buffers of architectures whose graph is not known: that of a transformer of the same widths, at the moment
/// that takes most – the output, an attention, or a feed-forward network – with the masks, which all layers share, beside it.
/// </summary>
internal sealed class GenericBuffers
{
    private readonly long _embedding;
    private readonly long _logits;
    private readonly long _masks;
    private readonly long _widest;

    public GenericBuffers(ModelShape model, ContextPlan context)
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
            var attention = (context.FlashAttention ? 0 : scores) + 3 * _embedding + 3 * row * headsWidth + row * heads * model.LatentLength;
            var hidden = row * model.FeedForwardLength;
            _widest = Math.Max(attention, Math.Max(
                3 * hidden + 3 * _embedding,
                // Every expert's answer is kept until they are weighed and summed.
                2L * model.ExpertsUsed * _embedding + hidden + 2 * _embedding));
        }
    }

    /// <summary>Buffers of each GPU, and last of the host, of layers and an output that lie there.</summary>
    /// <param name="placement">Device of every layer and of the output, -1 the CPU.</param>
    /// <param name="gpus">GPUs that the engine is given.</param>
    /// <param name="hostComputes">Whether the host computes its layers itself, or attends to caches of its own.</param>
    public long[] Of(int[] placement, int gpus, bool hostComputes)
    {
        var buffers = new long[gpus + 1];
        for (var device = 0; device < gpus; device++)
        {
            buffers[device] = placement.Contains(device) ? Layers(placement[^1] == device) : 0;
        }
        buffers[gpus] = gpus == 0 || hostComputes ? Layers(withOutput: placement[^1] < 0) : checked(_masks + 2 * _embedding);
        return buffers;
    }

    private long Layers(bool withOutput) => checked(_masks + _embedding + Math.Max(_widest, withOutput ? _logits + 2 * _embedding : 0));
}
