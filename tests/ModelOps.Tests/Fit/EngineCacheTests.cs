using ModelOps.Fit;
using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>Keys, values and recurrent state of every shape against the pinned engine: the same to the last digit that it prints.</summary>
public sealed class EngineCacheTests
{
    private const double MiB = 1 << 20;

    // The engine prints two decimals.
    private const double LogRounding = 0.005001;

    private static readonly (int Context, int Batch, bool Flash, int Sequences, bool Unified)[] Contexts =
    [
        (4096, 512, true, 1, true), (4096, 2048, false, 1, true), (32768, 2048, true, 1, true), (131072, 512, false, 1, true), (16384, 512, true, 4, true), (16384, 2048, false, 4, false),
    ];

    public static TheoryData<string> Models => [.. SyntheticModels.Names];

    [Theory]
    [MemberData(nameof(Models))]
    public void CachesAreTheEngines(string name)
    {
        using var oracle = new EngineOracle(SyntheticModels.Header(name));
        var shape = SyntheticModels.Shape(name);
        foreach (var (context, batch, flash, sequences, unified) in Contexts)
        {
            var actual = oracle.Context(context, flash, batch, sequences: sequences, unified: unified);
            var plan = ContextPlan.Create(shape, new FitRequest { ContextLength = context, BatchSize = batch, FlashAttention = flash, Sequences = sequences, UnifiedCache = unified });
            var sizes = Enumerable.Range(0, shape.Layers).Where(layer => shape.KvHeads[layer] > 0)
                .ToLookup(layer => shape.IsSlidingWindow[layer], layer => KvCache.LayerBytes(shape, plan, layer));
            Assert.Equal(sizes.Count, actual.KvCaches.Count);
            Compare(actual, 0, plan.Cells, sizes[false].Sum());
            if (actual.KvCaches.Count == 2)
            {
                Compare(actual, 1, plan.SlidingCells, sizes[true].Sum());
            }
            Assert.Equal(actual.State, sequences * shape.StateBytes.Sum() / MiB, LogRounding);
        }
    }

    private static void Compare(EngineFigures actual, int cache, int cells, long bytes)
    {
        if (actual.KvCaches.Count > cache)
        {
            Assert.Equal(actual.Cells[cache], cells);
            Assert.Equal(actual.KvCaches[cache], bytes / MiB, LogRounding);
        }
    }
}
