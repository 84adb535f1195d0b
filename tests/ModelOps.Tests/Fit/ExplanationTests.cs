using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>An explanation explains the very figures of the fit, and its formulas give them.</summary>
public partial class ExplanationTests
{
    private static readonly FitRequest[] Requests =
    [
        new() { ContextLength = 4096 },
        new() { ContextLength = 32768, FlashAttention = false },
        new() { ContextLength = 8192, KvType = GgmlType.Q8_0, BatchSize = 128 },
        new() { ContextLength = 4096, GpuLayers = 5 },
        new() { ContextLength = 16384, Sequences = 4, UnifiedCache = false },
        new() { ContextLength = 4096, OffloadKvCache = false, CpuExpertLayers = -1 },
        new() { ContextLength = 4096, TensorOverrides = [TensorOverride.Parse("ffn_down=CPU")], Projector = new ProjectorShape("mmproj", 800L << 20, 300L << 20) },
    ];

    public static TheoryData<string> Models => [.. SyntheticModels.Names];

    [Theory]
    [MemberData(nameof(Models))]
    public void PartsAddUpToTheFit(string name)
    {
        var shape = SyntheticModels.Shape(name);
        foreach (var machine in (Machine[])[Machines.Cpu(64), Machines.WithGpus(64, 24), Machines.WithGpus(64, 6, 12)])
        {
            foreach (var request in Requests)
            {
                var fit = FitEstimator.Estimate(shape, machine, request);
                Assert.Equal(fit.Devices.Select(device => (device.Name, device.TotalBytes, device.FreeBytes)), fit.Explanation!.Devices.Select(device => (device.Name, device.TotalBytes, device.FreeBytes)));
                foreach (var (device, explained) in fit.Devices.Zip(fit.Explanation.Devices))
                {
                    Assert.Equal(device.TotalBytes, explained.Parts.Sum(part => part.Bytes));
                    Assert.Equal(device.FreeBytes - device.TotalBytes, explained.MarginBytes);
                    Assert.Equal(device.KvCacheBytes, Bytes(explained, FitPartKind.KvCache));
                    Assert.Equal(device.StateBytes, Bytes(explained, FitPartKind.State));
                    // What a projector computes in counts as compute there, and with its weights here.
                    Assert.Equal(device.WeightsBytes + device.ComputeBytes, Bytes(explained, FitPartKind.Weights, FitPartKind.Projector, FitPartKind.Adapters, FitPartKind.Compute, FitPartKind.Scratch));
                    Assert.Equal(device.OverheadBytes, Bytes(explained, FitPartKind.Overhead));
                    Assert.All(explained.Parts, part => Assert.InRange(part.Bytes, part.LowBytes, part.HighBytes));
                    Assert.All(explained.Parts, part => Assert.NotEqual("", part.How));
                    Assert.Equal(explained.Parts.Select(part => part.Kind).Distinct().Order(), explained.Parts.Select(part => part.Kind));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void TheFormulaOfTheCacheGivesItsSize(string name)
    {
        var shape = SyntheticModels.Shape(name);
        foreach (var request in Requests)
        {
            foreach (var device in FitEstimator.Estimate(shape, Machines.WithGpus(64, 12), request).Explanation!.Devices)
            {
                foreach (var part in device.Parts.Where(part => part.Kind == FitPartKind.KvCache))
                {
                    Assert.Equal(part.Bytes, Evaluate(part.How));
                }
            }
        }
    }

    [Fact]
    public void FormulasAreAsPeopleWriteThem()
    {
        var parts = FitEstimator.Estimate(SyntheticModels.Shape("Llama-3-8B"), Machines.WithGpus(64, 24), new FitRequest { ContextLength = 8192 }).Explanation!.Devices[1].Parts;
        Assert.Equal("32 layers × 8 heads × 128 × 2 × 8192 cells × 2 bytes (F16)", parts.Single(part => part.Kind == FitPartKind.KvCache).How);
        Assert.StartsWith("all 32 layers ", parts.Single(part => part.Kind == FitPartKind.Weights).How, StringComparison.Ordinal);

        var window = FitEstimator.Estimate(SyntheticModels.Shape("Gemma-3-4B"), Machines.Cpu(64), new FitRequest { ContextLength = 8192, KvType = GgmlType.Q8_0 }).Explanation!.Devices[0].Parts;
        Assert.Equal("(5 layers × 4 heads × 256 × 2 × 8192 cells + 29 layers × 4 heads × 256 × 2 × 1536 cells (window)) × 1.0625 bytes (Q8_0)", window.Single(part => part.Kind == FitPartKind.KvCache).How);
    }

    [Fact]
    public void AnAnswerIsSureWhenItHoldsAtBothEnds()
    {
        var shape = SyntheticModels.Shape("Llama-3-8B");
        var device = Explain(1L << 40).Devices[0];
        Assert.True(device.LowBytes < device.TotalBytes && device.TotalBytes < device.HighBytes);

        Assert.Equal((true, FitCertainty.Sure), Answer(device.HighBytes));
        Assert.Equal((true, FitCertainty.Close), Answer(device.HighBytes - 1));
        Assert.Equal((true, FitCertainty.Close), Answer(device.TotalBytes));
        Assert.Equal((false, FitCertainty.Close), Answer(device.TotalBytes - 1));
        Assert.Equal((false, FitCertainty.Close), Answer(device.LowBytes));
        Assert.Equal((false, FitCertainty.Sure), Answer(device.LowBytes - 1));

        FitExplanation Explain(long free) => FitEstimator.Estimate(shape, MainMemory(free, 1L << 40), new FitRequest()).Explanation!;
        (bool, FitCertainty) Answer(long free) => (FitEstimator.Estimate(shape, MainMemory(free, free), new FitRequest()).Fits, Explain(free).Certainty);
    }

    [Fact]
    public void WhatOthersHoldIsNamedWhereItDecides()
    {
        var shape = SyntheticModels.Shape("Llama-3-8B");
        var crowded = FitEstimator.Estimate(shape, MainMemory(2 * Machines.GiB, 16 * Machines.GiB), new FitRequest());
        Assert.False(crowded.Fits);
        Assert.StartsWith("Other programs keep the 14.0 GiB of CPU ", crowded.Explanation!.Assumption!.Sentence, StringComparison.Ordinal);

        // Without them it would not fit either.
        var small = FitEstimator.Estimate(shape, MainMemory(1 * Machines.GiB, 2 * Machines.GiB), new FitRequest());
        Assert.DoesNotContain("Other programs", small.Explanation!.Assumption!.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void TheAssumptionIsOfTheTightestDevice()
    {
        var explanation = FitEstimator.Estimate(SyntheticModels.Shape("Llama-3-8B"), Machines.WithGpus(64, 24), new FitRequest { ContextLength = 8192 }).Explanation!;
        var gpu = explanation.Devices[1];
        Assert.Equal(gpu.Name, explanation.Assumption!.Device);
        Assert.Equal((gpu.LowBytes, gpu.HighBytes), (explanation.Assumption.LowBytes, explanation.Assumption.HighBytes));
    }

    private static Machine MainMemory(long free, long total) => Machines.Of([new Device("CPU", DeviceKind.Cpu, total, free, null)]);

    private static long Bytes(DeviceExplanation device, params FitPartKind[] kinds) => device.Parts.Where(part => kinds.Contains(part.Kind)).Sum(part => part.Bytes);

    /// <summary>The value of a sum of products, its words left out.</summary>
    private static long Evaluate(string formula)
    {
        // With a point, as the table would count in 32 bits otherwise.
        var expression = Integers().Replace(Words().Replace(formula, ""), "$0.0").Replace('×', '*');
        return Convert.ToInt64(new System.Data.DataTable { Locale = CultureInfo.InvariantCulture }.Compute(expression, null), CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"\([A-Za-z][^)]*\)|[A-Za-z]+")]
    private static partial Regex Words();

    [GeneratedRegex(@"(?<![\d.])\d+(?![\d.])")]
    private static partial Regex Integers();
}
