using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace ModelOps.Fit.Graph;

/// <summary>
/// Graphs of a model that were measured before. What a graph takes depends on the placement and not on the machine, so that a fleet, and a solver that tries placements,
/// ask for the same few again and again; building one takes some tenths of a millisecond. They go when the model's shape does.
/// </summary>
internal static class MeasuredGraphs
{
    /// <summary>With more contexts all are forgotten: those that a search has tried are rarely asked for again.</summary>
    private const int MostContexts = 512;

    private static readonly ConditionalWeakTable<ModelShape, ConcurrentDictionary<ContextPlan, ConcurrentDictionary<GraphPlacement, long[]>>> Known = [];

    /// <summary>The measures that are known of a model in a context; to be added to.</summary>
    public static ConcurrentDictionary<GraphPlacement, long[]> Of(ModelShape model, ContextPlan context)
    {
        var contexts = Known.GetValue(model, static _ => new ConcurrentDictionary<ContextPlan, ConcurrentDictionary<GraphPlacement, long[]>>(concurrencyLevel: 1, capacity: 7));
        if (contexts.TryGetValue(context, out var known))
        {
            return known;
        }
        if (contexts.Count >= MostContexts)
        {
            contexts.Clear();
        }
        return contexts.GetOrAdd(context, static _ => new ConcurrentDictionary<GraphPlacement, long[]>(concurrencyLevel: 1, capacity: 7));
    }
}
