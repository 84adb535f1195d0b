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
    private readonly ConcurrentDictionary<GraphTask, GraphMeasure> _measures = MeasuredGraphs.Of(model, context);
    private GenericBuffers? _generic;

    /// <summary>Logits of the last token of every sequence, which the engine keeps on the host.</summary>
    public long OutputBytes { get; } = sizeof(float) * (long)model.VocabularySize * context.Sequences;

    /// <summary>What GPU kernels take to read a quantized cache: keys and values of the widest layer as F16 (ggml-cuda, fattn-common.cuh).</summary>
    public long KvScratchBytes { get; } = ScratchBytes(model, context);

    /// <summary>
    /// The host's share when GPUs compute: what is prepared there and sent over, and what comes back if it <paramref name="storesThere"/>, in caches of
    /// its own.
    /// </summary>
    public long Host(int copies = 1, bool storesThere = false) => Known ? Measure(new(GraphPart.All)).Host(copies, storesThere) : Generic.Host;

    /// <summary>Compute buffer of the CPU when it computes layers, the output too if <paramref name="withOutput"/>.</summary>
    public long Cpu(bool withOutput) => Known ? Measure(new(withOutput ? GraphPart.All : GraphPart.First)).Bytes : Generic.Layers(withOutput);

    /// <summary>Compute buffer of a GPU; of what is sent to it there are <paramref name="copies"/> when several GPUs take turns (GGML_SCHED_MAX_COPIES).</summary>
    public long Gpu(bool withOutput, int copies) => Known ? Measure(new(withOutput ? GraphPart.Last : GraphPart.Middle, copies)).Bytes : Generic.Layers(withOutput);

    /// <summary>
    /// What a GPU's buffer grows by when it computes prompts with weights that lie in the host's memory, one tensor at a time (op_offload), and with
    /// the keys and values there; <paramref name="largest"/> is the largest of those tensors.
    /// </summary>
    public long Copied(bool withOutput, HostShare weights, HostShare experts, long largest)
    {
        if (!Known || (weights == HostShare.None && experts == HostShare.None))
        {
            return largest;
        }
        var part = withOutput ? GraphPart.Last : GraphPart.Middle;
        return Math.Max(0, Measure(new(part, 1, weights, experts)).Bytes - Measure(new(part)).Bytes);
    }

    private bool Known => model.Graph is { IsKnown: true };

    private GenericBuffers Generic => _generic ??= new GenericBuffers(model, context);

    private GraphMeasure Measure(GraphTask task)
    {
        if (!_measures.TryGetValue(task, out var measure))
        {
            _measures[task] = measure = GraphMeasure.Of(model, model.Graph!, context, task);
        }
        return measure;
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
