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

/// <summary>Memory of a graph on one device.</summary>
/// <param name="Bytes">Its buffer.</param>
/// <param name="InputBytes">The inputs in it.</param>
/// <param name="EmbeddingBytes">A batch of embeddings.</param>
internal sealed record GraphMeasure(long Bytes, long InputBytes, long EmbeddingBytes)
{
    private const int CpuAlignment = 32;
    private const int GpuAlignment = 128;

    [ThreadStatic]
    private static ComputeGraph? _graph;

    [ThreadStatic]
    private static FreeList? _memory;

    /// <summary>What the host holds of a graph that GPUs compute: the inputs, in turns, and the embeddings of a batch.</summary>
    public long Host(int copies) => checked(InputBytes + (copies - 1) * (InputBytes - EmbeddingBytes) + EmbeddingBytes);

    /// <summary>Builds and allocates a graph; of the inputs there are <paramref name="copies"/>, which stay when there are several.</summary>
    public static GraphMeasure Of(ModelShape model, GraphShape shape, ContextPlan context, GraphPart part, int copies)
    {
        var graph = _graph ??= new ComputeGraph();
        var memory = _memory ??= new FreeList();
        memory.Clear(part is GraphPart.All or GraphPart.First ? CpuAlignment : GpuAlignment);
        new ModelGraph(graph, model, shape, context).Build(part, shape.Representatives);
        long inputs = 0;
        foreach (var input in graph.Inputs)
        {
            graph[input].IsOutput = copies > 1;
            inputs = checked(inputs + memory.Align(graph[input].Bytes));
        }
        var bytes = new GraphAllocator(memory).Measure(graph);
        return new GraphMeasure(checked(bytes + (copies - 1) * inputs), inputs, sizeof(float) * (long)context.Batch * model.EmbeddingLength);
    }
}
