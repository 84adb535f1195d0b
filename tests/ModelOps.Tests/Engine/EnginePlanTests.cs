using ModelOps.Tests.Fit;
using Xunit;

namespace ModelOps.Tests.Engine;

public sealed class EnginePlanTests
{
    private static readonly ModelShape Llama = SyntheticModels.Shape("Llama-3-8B");
    private static readonly ModelShape Mixture = SyntheticModels.Shape("Qwen3-30B-A3B");

    [Fact]
    public void What_fits_is_placed_as_the_fit_has_it()
    {
        Machine machine = Machines.WithGpus(32, 4);
        FitRequest wish = new() { ContextLength = 4096 };
        EnginePlan plan = EnginePlan.Create(Llama, wish, machine);
        FitResult fit = FitEstimator.Estimate(Llama, machine, wish);
        Assert.Null(plan.Warning);
        Assert.Equal((fit.GpuLayers, 4096), (plan.Parameters.GpuLayers, plan.Parameters.ContextLength));
        Assert.InRange(plan.Parameters.GpuLayers, 1, 32);
    }

    [Fact]
    public void A_model_that_can_be_paged_is_tried_with_a_warning()
    {
        Machine machine = Machines.Cpu(3);
        EnginePlan plan = EnginePlan.Create(Llama, new FitRequest(), machine);
        Assert.Contains("does not fit", plan.Warning, StringComparison.Ordinal);
        // Read into memory it cannot be paged.
        Assert.Contains("may fail", EnginePlan.Create(Llama, new FitRequest { Loading = WeightLoading.Read }, machine).Warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Pages_are_for_the_main_memory_alone()
    {
        EnginePlan plan = EnginePlan.Create(Llama, new FitRequest(), Machines.WithGpus(2, 2));
        Assert.NotNull(plan.Warning);
        // The GPU is given no more than it has room for.
        FitResult fit = FitEstimator.Estimate(Llama, Machines.WithGpus(2, 2), plan.Parameters.ToRequest());
        Assert.True(fit.Devices[1].TotalBytes <= fit.Devices[1].FreeBytes);
    }

    [Fact]
    public void Keys_and_values_that_cannot_be_had_are_an_error()
    {
        ModelOpsException error = Assert.Throws<ModelOpsException>(() => EnginePlan.Create(Llama, new FitRequest { ContextLength = 131072 }, Machines.Cpu(8)));
        Assert.Equal(ErrorKind.DoesNotFit, error.Kind);
        Assert.Contains("131,072", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_placement_comes_out_when_it_is_asked_for_again()
    {
        Machine machine = Machines.WithGpus(64, 12);
        FitResult fit = FitEstimator.Estimate(Mixture, machine, new FitRequest { ContextLength = 8192 });
        Assert.InRange(fit.Parameters.CpuExpertLayers, 1, 48);
        FitResult again = FitEstimator.Estimate(Mixture, machine, fit.Parameters.ToRequest());
        Assert.Equal(fit.Devices, again.Devices);
        EnginePlan plan = EnginePlan.Create(Mixture, fit.Parameters.ToRequest(), machine);
        Assert.Equal((fit.Parameters.GpuLayers, fit.Parameters.CpuExpertLayers, fit.Parameters.ContextLength), (plan.Parameters.GpuLayers, plan.Parameters.CpuExpertLayers, plan.Parameters.ContextLength));
    }
}
