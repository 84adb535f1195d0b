using System.Collections.Concurrent;
using ModelOps.Fit.Graph;

namespace ModelOps.Fit;

/// <summary>
/// Size of the engine's compute buffers. The engine reserves them for the worst graph, a whole batch with logits for every token, and its allocator
/// reuses memory as the graph goes on; so the graph is built and allocated here as there, for the architectures whose graph is known
/// (<see cref="GraphTraits"/>). Each figure is worked out once, when it is first asked for.
/// </summary>
internal sealed class ComputeBuffers(ModelShape model, ContextPlan context)
{
    private readonly ConcurrentDictionary<GraphPlacement, long[]> _measures = MeasuredGraphs.Of(model, context);
    private GenericBuffers? _generic;

    /// <summary>Logits of the last token of every sequence, which the engine keeps on the host.</summary>
    public long OutputBytes { get; } = sizeof(float) * (long)model.VocabularySize * context.Sequences;

    /// <summary>What GPU kernels take to read a quantized cache: keys and values of the widest layer as F16 (ggml-cuda, fattn-common.cuh).</summary>
    public long KvScratchBytes { get; } = ScratchBytes(model, context);

    /// <summary>Buffers of each GPU, and last of the host.</summary>
    /// <param name="placement">Device of every layer and of the output, -1 the CPU.</param>
    /// <param name="cpuExpertLayers">Layers, from the first, whose experts the CPU keeps.</param>
    /// <param name="gpus">GPUs that the engine is given.</param>
    /// <param name="copies">So many of what is sent to a GPU, when several take turns (GGML_SCHED_MAX_COPIES).</param>
    /// <param name="cachesOnHost">Whether caches are kept from the GPUs.</param>
    /// <param name="backend">The engine's backend.</param>
    public IReadOnlyList<long> Of(int[] placement, int cpuExpertLayers, int gpus, int copies, bool cachesOnHost, BackendTraits backend)
    {
        if (model.Graph is not { IsKnown: true } shape)
        {
            return (_generic ??= new GenericBuffers(model, context)).Of(placement, gpus, cachesOnHost || (context.Batch < EngineProfile.Pinned.LeastOffloadedBatch && placement.Contains(-1)));
        }
        var layers = shape.Represent((like, layer) => GraphPlacement.Encode(like, Device(placement[layer]), layer < cpuExpertLayers && placement[layer] >= 0), gpus > 0 && (cpuExpertLayers > 0 || placement.Contains(-1)));
        var key = new GraphPlacement(layers, Device(placement[^1]), cachesOnHost, gpus, copies, backend);
        if (!_measures.TryGetValue(key, out var bytes))
        {
            _measures[key] = bytes = GraphMeasure.Of(model, shape, context, key);
        }
        return bytes;

        int Device(int device) => device < 0 ? gpus : device;
    }

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
