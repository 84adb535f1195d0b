namespace ModelOps.Fit.Graph;

/// <summary>Memory that a graph takes, by device.</summary>
internal static class GraphMeasure
{
    [ThreadStatic]
    private static ComputeGraph? _graph;

    [ThreadStatic]
    private static GraphScheduler? _scheduler;

    [ThreadStatic]
    private static List<DeviceBuffer>? _memory;

    /// <summary>Builds, schedules and allocates a graph: the bytes of each GPU's buffer, and last of the host's.</summary>
    public static long[] Of(ModelShape model, GraphShape shape, ContextPlan context, GraphPlacement placement)
    {
        var graph = _graph ??= new ComputeGraph();
        var scheduler = _scheduler ??= new GraphScheduler();
        var memory = _memory ??= [];
        var backend = placement.Backend;
        for (var device = 0; device <= placement.Host; device++)
        {
            if (device == memory.Count)
            {
                memory.Add(new DeviceBuffer());
            }
            if (placement.Gpus == 0)
            {
                memory[device].Clear(EngineProfile.Pinned.CpuAlignment, null);
            }
            else
            {
                memory[device].Clear(device == placement.Host ? backend.HostAlignment : backend.Alignment, backend.LargestBuffer);
            }
        }
        new ModelGraph(graph, model, shape, context, placement).Build();
        scheduler.Schedule(graph, placement, offloads: context.Batch >= EngineProfile.Pinned.LeastOffloadedBatch);
        new GraphAllocator(memory).Allocate(graph, scheduler);
        return [.. memory.Take(placement.Host + 1).Select(buffer => buffer.Bytes)];
    }
}
