using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>What must hold wherever experts, overridden tensors, caches and companions lie.</summary>
public class PlacementProperties
{
    private static readonly IReadOnlyList<ModelShape> Shapes =
        [.. ((string[])["Llama-3-8B", "Gemma-3-4B", "Qwen3-30B-A3B", "gpt-oss-20b", "DeepSeek-V2-Lite", "Qwen3-Next-80B", "LFM2-1.2B"]).Select(SyntheticModels.Shape)];

    private static readonly TensorOverride[] Overrides =
        [new(@"ffn_(up|down)_exps", "CPU"), new("attn", "cpu"), new("ffn_down", "GPU0"), new(@"blk\.1[0-9]\.", "CPU"), new(@"^output\.", "CPU"), new("ffn_gate_exps", "GPU0")];

    private static readonly Gen<FitRequest> Requests =
        from context in Gen.Choose(1, 30_000)
        from layers in Gen.Elements<int?>(null, -1, 1, 7, 20)
        from experts in Gen.Elements<int?>(null, -1, 0, 3, 11)
        from sequences in Gen.Elements(1, 4)
        from unified in Gen.Elements(true, false)
        from offload in Gen.Elements(true, false)
        from overrides in Gen.SubListOf(Overrides)
        from split in Gen.Elements<double[]?>(null, [1], [3, 1])
        select new FitRequest
        {
            ContextLength = context,
            GpuLayers = layers,
            CpuExpertLayers = experts,
            Sequences = sequences,
            UnifiedCache = unified,
            OffloadKvCache = offload,
            TensorOverrides = [.. overrides],
            TensorSplit = split,
        };

    private static readonly Gen<Machine> AnyMachine =
        from memory in Gen.Choose(4, 128)
        from first in Gen.Choose(2, 60)
        from second in Gen.Choose(2, 60)
        select Machines.WithGpus(memory, first, second);

    private static readonly Gen<(ModelShape Model, Machine Machine, FitRequest Request)> Anything =
        from model in Gen.Elements<ModelShape>([.. Shapes])
        from machine in AnyMachine
        from request in Requests
        select (model, machine, request);

    private static void Check(Func<ModelShape, Machine, FitRequest, bool> holds)
        => Prop.ForAll(Anything.ToArbitrary(), sample => holds(sample.Model, sample.Machine, sample.Request)).QuickCheckThrowOnFailure();

    private static long Weights(FitResult fit) => fit.Devices.Sum(device => device.WeightsBytes);

    [Fact]
    public void NoWeightIsLostOrDoubledByExpertsAndOverrides() => Check((model, machine, request) =>
    {
        var fit = FitEstimator.Estimate(model, machine, request);
        var all = model.InputBytes + model.LayerBytes.Sum() + model.OutputBytes - (fit.GpuLayers > 0 ? 0 : model.TiedBytes);
        return Weights(fit) == all && fit.Devices.All(device => device.WeightsBytes >= 0);
    });

    [Fact]
    public void TheParametersGiveTheSamePlacementAgain() => Check((model, machine, request) =>
        FitEstimator.Estimate(model, machine, request) is var fit && fit.Devices.SequenceEqual(FitEstimator.Estimate(model, machine, fit.Parameters.ToRequest()).Devices));

    [Fact]
    public void ExpertsOnTheCpuMoveWeightsThereAndNoneElsewhere() => Check((model, machine, request) =>
    {
        var named = request with { GpuLayers = -1, TensorOverrides = [] };
        var (whole, apart) = (FitEstimator.Estimate(model, machine, named with { CpuExpertLayers = 0 }), FitEstimator.Estimate(model, machine, named with { CpuExpertLayers = -1 }));
        return apart.Devices[0].WeightsBytes - whole.Devices[0].WeightsBytes == model.ExpertLayerBytes.Sum()
            && whole.Devices.Skip(1).Zip(apart.Devices.Skip(1)).All(pair => pair.Second.WeightsBytes <= pair.First.WeightsBytes);
    });

    [Fact]
    public void KeptExpertsAreThoseThatAnOverrideWouldKeep() => Check((model, machine, request) =>
    {
        // llama.cpp's --cpu-moe is nothing but this override (common/common.h, LLM_FFN_EXPS_REGEX).
        var named = request with { GpuLayers = -1, TensorOverrides = [] };
        var kept = FitEstimator.Estimate(model, machine, named with { CpuExpertLayers = -1 });
        var overridden = FitEstimator.Estimate(model, machine, named with { CpuExpertLayers = 0, TensorOverrides = [new(@"\.ffn_(up|down|gate|gate_up)_(ch|)exps", "CPU")] });
        return kept.Devices.Select(device => device.WeightsBytes).SequenceEqual(overridden.Devices.Select(device => device.WeightsBytes));
    });

    [Fact]
    public void AutomaticExpertsStayOffTheCpuWhenTheyFit() => Check((model, machine, request) =>
    {
        var open = request with { GpuLayers = -1, CpuExpertLayers = null };
        var fit = FitEstimator.Estimate(model, machine, open);
        return fit.Parameters.CpuExpertLayers == 0 || !FitEstimator.Estimate(model, machine, open with { CpuExpertLayers = fit.Parameters.CpuExpertLayers - 1 }).Fits;
    });

    [Fact]
    public void CachesInMainMemoryLeaveTheGpus() => Check((model, machine, request) =>
    {
        var placed = FitEstimator.Estimate(model, machine, request with { GpuLayers = -1, CpuExpertLayers = 0, OffloadKvCache = true });
        var kept = FitEstimator.Estimate(model, machine, request with { GpuLayers = -1, CpuExpertLayers = 0, OffloadKvCache = false });
        return kept.Devices.Skip(1).All(device => device is { KvCacheBytes: 0, StateBytes: 0 })
            && kept.Devices[0].KvCacheBytes == placed.Devices.Sum(device => device.KvCacheBytes) && kept.Devices[0].StateBytes == placed.Devices.Sum(device => device.StateBytes);
    });
}
