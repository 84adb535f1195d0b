namespace ModelOps.Fit.Graph;

/// <summary>Which part of a model's graph a device computes.</summary>
internal enum GraphPart
{
    /// <summary>All of it.</summary>
    All,

    /// <summary>The embedding and layers.</summary>
    First,

    /// <summary>Layers.</summary>
    Middle,

    /// <summary>Layers and the output.</summary>
    Last,
}

/// <summary>Which layers' weights lie in the host's memory while a GPU computes with them.</summary>
internal enum HostShare
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those of the first layers.</summary>
    First,

    /// <summary>Those of all layers.</summary>
    All,
}

/// <summary>What a device has to do.</summary>
/// <param name="Part">Its part of the graph.</param>
/// <param name="Copies">So many of each input, when several GPUs take turns.</param>
/// <param name="Weights">Layers whose weights are copied to it for every batch.</param>
/// <param name="Experts">Layers whose experts are.</param>
internal readonly record struct GraphTask(GraphPart Part, int Copies = 1, HostShare Weights = HostShare.None, HostShare Experts = HostShare.None);

/// <summary>Memory of a graph on one device.</summary>
/// <param name="Bytes">Its buffer.</param>
/// <param name="InputBytes">The inputs in it.</param>
/// <param name="EmbeddingBytes">A batch of embeddings.</param>
/// <param name="LookupBytes">What is looked up in tables for a batch: its embeddings, and those of the layers where they have their own.</param>
/// <param name="StoredBytes">Most that one layer stores in caches and states at once.</param>
internal sealed record GraphMeasure(long Bytes, long InputBytes, long EmbeddingBytes, long LookupBytes, long StoredBytes)
{
    [ThreadStatic]
    private static ComputeGraph? _graph;

    [ThreadStatic]
    private static FreeList? _memory;

    /// <summary>
    /// What the host holds of a graph that GPUs compute: the inputs, in turns, and what it looks up for a batch; then, where caches are the host's, what
    /// comes back to be stored there.
    /// </summary>
    public long Host(int copies, bool storesThere)
        => checked(InputBytes + (copies - 1) * (InputBytes - EmbeddingBytes) + Math.Max(LookupBytes, storesThere ? StoredBytes : 0));

    /// <summary>Builds and allocates a graph; of the inputs there may be several, which stay then.</summary>
    public static GraphMeasure Of(ModelShape model, GraphShape shape, ContextPlan context, GraphTask task)
    {
        var graph = _graph ??= new ComputeGraph();
        var memory = _memory ??= new FreeList();
        memory.Clear(task.Part is GraphPart.All or GraphPart.First ? EngineProfile.Pinned.CpuAlignment : EngineProfile.Pinned.GpuAlignment);
        var builder = new ModelGraph(graph, model, shape, context);
        builder.Build(task, shape.Representatives);
        long inputs = 0;
        foreach (var input in graph.Inputs)
        {
            graph[input].IsOutput = task.Copies > 1;
            inputs = checked(inputs + memory.Align(graph[input].Bytes));
        }
        var bytes = new GraphAllocator(memory).Measure(graph);
        var embedding = sizeof(float) * (long)context.Batch * model.EmbeddingLength;
        var lookup = checked(embedding + sizeof(float) * (long)context.Batch * shape.LayerEmbedding * model.Layers);
        return new GraphMeasure(checked(bytes + (task.Copies - 1) * inputs), inputs, embedding, lookup, builder.StoredBytes);
    }
}
