using ModelOps.Fit;
using Xunit;

namespace ModelOps.Tests.Fit;

public class AdviceTests
{
    private static List<Remedy> Remedies(ModelShape model, Machine machine, FitRequest request)
    {
        var memory = new MemoryModel(model, machine, request);
        return [.. Adviser.Advise(model, machine, request, memory, PlacementSearch.Find(memory, request))];
    }

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
        var remedies = Remedies(model, machine, request);
        Assert.NotEmpty(remedies);
        Assert.All(remedies.Where(remedy => remedy.Request is not null), remedy => Assert.True(FitEstimator.Estimate(remedy.Model, machine, remedy.Request!).Fits, remedy.Sentence));
        Assert.Equal(remedies.Select(remedy => remedy.Sentence), FitEstimator.Estimate(model, machine, request).Advice);
    }

    [Fact]
    public void TheLargestContextIsTheLargest()
    {
        var model = SyntheticModels.Shape("Llama-3-8B");
        var machine = Machines.Cpu(6);
        var request = new FitRequest { ContextLength = 32768 };
        Assert.False(FitEstimator.Estimate(model, machine, request).Fits);
        var context = Remedies(model, machine, request).Select(remedy => remedy.Request!.ContextLength).First(length => length != 32768);
        Assert.True(FitEstimator.Estimate(model, machine, request with { ContextLength = context }).Fits);
        Assert.False(FitEstimator.Estimate(model, machine, request with { ContextLength = context + 1 }).Fits);
    }

    [Fact]
    public void ASmallerTypeIsTheLargestThatFits()
    {
        var model = SyntheticModels.Shape("Llama-3-8B").WithBitsPerWeight(16);
        var remedy = Assert.Single(Remedies(model, Machines.Cpu(8), new FitRequest { ContextLength = 256 }), remedy => remedy.Model != model);
        Assert.Contains("Q6_K", remedy.Sentence, StringComparison.Ordinal);
        Assert.False(FitEstimator.Fits(model.WithBitsPerWeight(8.5), Machines.Cpu(8), new FitRequest { ContextLength = 256 }));
    }

    [Fact]
    public void TooManyGpuLayersAreCounted()
    {
        var model = SyntheticModels.Shape("Llama-3-8B");
        var machine = Machines.WithGpus(32, 4);
        var remedy = Remedies(model, machine, new FitRequest { GpuLayers = -1 }).Single(remedy => remedy.Request?.GpuLayers is >= 0);
        Assert.Equal(FitEstimator.Estimate(model, machine, new FitRequest()).GpuLayers, remedy.Request!.GpuLayers);
    }

    [Fact]
    public void NothingHelpsOnATinyMachine()
    {
        var advice = FitEstimator.Estimate(SyntheticModels.Shape("Llama-3-70B"), Machines.Cpu(2), new FitRequest()).Advice;
        Assert.Contains("wanting", Assert.Single(advice), StringComparison.Ordinal);
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
