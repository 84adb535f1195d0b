using ModelOps.Fit;
using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>Several sequences against the pinned engine: cells, keys and values, recurrent state and output buffer, to the last digit that it prints.</summary>
public sealed class SequenceTests
{
    private const double MiB = 1 << 20, LogRounding = 0.005001;

    public static TheoryData<string, int, bool, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, bool, int>();
            foreach (var model in (string[])["Llama-3-8B", "Gemma-3-1B", "gpt-oss-20b", "LFM2-1.2B", "Qwen3-Next-80B"])
            {
                foreach (var (sequences, context) in ((int, int)[])[(2, 8192), (3, 5000), (8, 1000), (64, 65536)])
                {
                    cases.Add(model, sequences, true, context);
                    cases.Add(model, sequences, false, context);
                }
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void CachesOfSeveralSequencesAreTheEngines(string name, int sequences, bool unified, int context)
    {
        using var oracle = new EngineOracle(SyntheticModels.Header(name));
        var actual = oracle.Context(context, true, sequences: sequences, unified: unified);
        var shape = SyntheticModels.Shape(name);
        var request = new FitRequest { ContextLength = context, FlashAttention = true, Sequences = sequences, UnifiedCache = unified };
        var plan = ContextPlan.Create(shape, request);
        var sizes = Enumerable.Range(0, shape.Layers).Where(layer => shape.KvHeads[layer] > 0).ToLookup(layer => shape.IsSlidingWindow[layer], layer => KvCache.LayerBytes(shape, plan, layer));

        Assert.Equal(actual.Cells[0], plan.Cells);
        Assert.Equal(actual.KvCaches[0], sizes[false].Sum() / MiB, LogRounding);
        if (actual.KvCaches.Count > 1)
        {
            Assert.Equal(actual.Cells[1], plan.SlidingCells);
            Assert.Equal(actual.KvCaches[1], sizes[true].Sum() / MiB, LogRounding);
        }
        var cpu = FitEstimator.Estimate(shape, Machines.Cpu(4096), request).Devices[0];
        Assert.Equal(actual.State, cpu.StateBytes / MiB, LogRounding);
        Assert.Equal(actual.Output, 4.0 * sequences * shape.VocabularySize / MiB, LogRounding);
    }
}
