using Xunit;

namespace ModelOps.Tests.Fit;

public class AdviceTests
{
    private static IReadOnlyList<Remedy> Remedies(ModelShape model, Machine machine, FitRequest request) => FitEstimator.Estimate(model, machine, request).Remedies;

    public static TheoryData<string, double, double, int> Cases => new()
    {
        { "Llama-3-8B", 6, 0, 32768 },
        { "Llama-3-8B", 4, 0, 4096 },
        { "Llama-3-8B", 16, 5.5, 8192 },
        { "Llama-3-8B", 64, 8, 4096 },
        { "Gemma-3-4B", 4, 0, 131072 },
        { "Qwen3-30B-A3B", 16, 8, 32768 },
        { "Qwen3-Next-80B", 32, 24, 4096 },
        { "DeepSeek-V2-Lite", 12, 0, 16384 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void WhatIsAdvisedFits(string name, double memory, double gpu, int context)
    {
        var model = SyntheticModels.Shape(name);
        var machine = gpu > 0 ? Machines.WithGpus(memory, gpu) : Machines.Cpu(memory);
        var request = new FitRequest { ContextLength = context };
        var fit = FitEstimator.Estimate(model, machine, request);
        Assert.NotEmpty(fit.Remedies);
        Assert.All(fit.Remedies, remedy => AssertHolds(remedy));
        Assert.Equal(fit.Remedies.Select(remedy => remedy.Sentence), fit.Advice.Take(fit.Remedies.Count));
    }

    /// <summary>What a remedy says holds when it is asked for.</summary>
    private static void AssertHolds(Remedy remedy)
    {
        var fit = FitEstimator.Estimate(remedy.Model!, remedy.Machine!, remedy.Request);
        Assert.True(fit.Fits, remedy.Sentence);
        Assert.Equal((fit.Parameters, fit.Devices.Sum(device => device.TotalBytes)), (remedy.Parameters, remedy.TotalBytes));
    }

    [Fact]
    public void TheLargestContextIsTheLargest()
    {
        var model = SyntheticModels.Shape("Llama-3-8B");
        var machine = Machines.Cpu(6);
        var request = new FitRequest { ContextLength = 32768 };
        Assert.False(FitEstimator.Estimate(model, machine, request).Fits);
        var context = Remedies(model, machine, request).Single(remedy => remedy.Kind == RemedyKind.ShorterContext).Parameters.ContextLength;
        Assert.True(FitEstimator.Estimate(model, machine, request with { ContextLength = context }).Fits);
        Assert.False(FitEstimator.Estimate(model, machine, request with { ContextLength = context + 1 }).Fits);
    }

    [Fact]
    public void TooManyGpuLayersAreCounted()
    {
        var model = SyntheticModels.Shape("Llama-3-8B");
        var machine = Machines.WithGpus(32, 4);
        var remedy = Remedies(model, machine, new FitRequest { GpuLayers = -1 }).Single(remedy => remedy.Kind == RemedyKind.FewerGpuLayers);
        Assert.Equal(FitEstimator.Estimate(model, machine, new FitRequest()).GpuLayers, remedy.Parameters.GpuLayers);
    }

    [Fact]
    public void OnATinyMachineOnlyMoreMemoryHelps()
    {
        var model = SyntheticModels.Shape("Llama-3-70B");
        var remedies = Remedies(model, Machines.Cpu(2), new FitRequest());
        Assert.All(remedies, remedy => Assert.Equal(RemedyKind.LargerMachine, remedy.Kind));
        Assert.All(remedies, AssertHolds);
        var memory = remedies.Single(remedy => remedy.MainMemoryBytes is not null);
        Assert.False(FitEstimator.Estimate(model, Machines.Of([new("CPU", DeviceKind.Cpu, 1L << 40, memory.MainMemoryBytes!.Value - 1, null)]), new FitRequest()).Fits);
    }

    [Fact]
    public void AFullDiskAndALongContextAreRemarked()
    {
        var machine = Machines.Cpu(64) with { DiskFreeBytes = 1000 };
        var advice = FitEstimator.Estimate(SyntheticModels.Shape("Llama-3-8B"), machine, new FitRequest { ContextLength = 16384 }).Advice;
        Assert.Contains(advice, sentence => sentence.Contains("disk", StringComparison.Ordinal));
        Assert.Contains(advice, sentence => sentence.Contains("8,192", StringComparison.Ordinal));
    }

    [Fact]
    public void WhereAllIsWellThereIsNothingToSay()
        => Assert.Empty(FitEstimator.Estimate(SyntheticModels.Shape("Llama-3-8B"), Machines.WithGpus(64, 24), new FitRequest { ContextLength = 8192 }).Advice);

    [Fact]
    public void RoomForMoreContextIsSaid()
    {
        var sentence = Assert.Single(FitEstimator.Estimate(SyntheticModels.Shape("Llama-3-8B"), Machines.Cpu(64), new FitRequest { ContextLength = 4096 }).Advice);
        Assert.Contains("8,192", sentence, StringComparison.Ordinal);
    }
}
