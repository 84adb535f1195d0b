using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>What is asked for and has no effect is said.</summary>
public class IdleWishTests
{
    private static IReadOnlyList<string> Warnings(string model, Machine machine, FitRequest request) => FitEstimator.Estimate(SyntheticModels.Shape(model), machine, request).Warnings;

    private static FitRequest Overriding(params string[] overrides) => new() { TensorOverrides = [.. overrides.Select(TensorOverride.Parse)] };

    [Fact]
    public void ExpertsOfADenseModelAreNotKeptAnywhere()
    {
        Assert.Contains("no experts", Assert.Single(Warnings("Llama-3-8B", Machines.WithGpus(64, 24), new FitRequest { CpuExpertLayers = 4 })), StringComparison.Ordinal);
        Assert.Empty(Warnings("Llama-3-8B", Machines.WithGpus(64, 24), new FitRequest { CpuExpertLayers = 0 }));
        Assert.Empty(Warnings("Qwen3-30B-A3B", Machines.WithGpus(64, 24), new FitRequest { CpuExpertLayers = 4 }));
    }

    [Fact]
    public void ThereIsNothingToSplitWithoutGpus()
    {
        Assert.Contains("nothing to split", Assert.Single(Warnings("Llama-3-8B", Machines.Cpu(64), new FitRequest { TensorSplit = [3, 1] })), StringComparison.Ordinal);
        Assert.Empty(Warnings("Llama-3-8B", Machines.WithGpus(64, 24, 24), new FitRequest { TensorSplit = [3, 1] }));
    }

    [Fact]
    public void OverridesThatMoveNothingAreNamed()
    {
        var gpu = Machines.WithGpus(64, 24);
        Assert.Contains("no name in", Assert.Single(Warnings("Llama-3-8B", gpu, Overriding("nothing_of_the_kind=CPU"))), StringComparison.Ordinal);
        Assert.Contains("before it", Assert.Single(Warnings("Llama-3-8B", gpu, Overriding("ffn=CPU", "ffn_up=GPU0"))), StringComparison.Ordinal);
        Assert.Contains("has no GPU", Assert.Single(Warnings("Llama-3-8B", Machines.Cpu(64), Overriding("ffn_up=GPU0"))), StringComparison.Ordinal);
        Assert.Contains("without a layer", Assert.Single(Warnings("Llama-3-8B", gpu, Overriding("ffn_up=GPU0") with { GpuLayers = 0 })), StringComparison.Ordinal);
        Assert.Empty(Warnings("Llama-3-8B", gpu, Overriding("ffn_up=CPU", "^output.weight$=GPU0")));
    }

    /// <summary>Whoever runs the model is told as well.</summary>
    [Fact]
    public void ARunIsWarnedToo()
    {
        var plan = EnginePlan.Create(SyntheticModels.Shape("Llama-3-8B"), Overriding("nothing_of_the_kind=CPU"), Machines.Cpu(64));
        Assert.Contains("no name in", plan.Warning, StringComparison.Ordinal);
        Assert.Null(EnginePlan.Create(SyntheticModels.Shape("Llama-3-8B"), Overriding("ffn_up=CPU"), Machines.Cpu(64)).Warning);
    }

    [Fact]
    public void RoundingOfTheContextIsSaid()
    {
        IReadOnlyList<string> Advice(int context) => FitEstimator.Estimate(SyntheticModels.Shape("Llama-3-8B"), Machines.Cpu(64), new FitRequest { ContextLength = context }).Advice;
        Assert.Contains(Advice(5000), advice => advice.Contains("5,120", StringComparison.Ordinal) && advice.Contains("5,000", StringComparison.Ordinal));
        Assert.DoesNotContain(Advice(5120), advice => advice.Contains("rounds", StringComparison.Ordinal));
    }
}
