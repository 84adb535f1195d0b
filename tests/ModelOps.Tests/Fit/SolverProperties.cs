using FsCheck;
using FsCheck.Fluent;
using ModelOps.Fit;
using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>What the solver finds is the best there is: held against trying everything.</summary>
public class SolverProperties
{
    private const int Multiple = 256;

    // Shapes with few layers, so that everything can be tried; layers of unlike sizes make GPUs fill unevenly.
    private static readonly Gen<ModelShape> Small =
        from name in Gen.Elements("Llama-3-8B", "Gemma-3-4B", "Qwen3-0.6B", "LFM2-1.2B", "Qwen3-30B-A3B", "DeepSeek-V2-Lite")
        from trained in Gen.Elements(0, 1000, 4096, 8192, 20_000, 32_768)
        from seed in Gen.Choose(0, 1_000_000)
        select Uneven(SyntheticModels.Shape(name), new Random(seed)) with { TrainedContextLength = trained };

    private static readonly Gen<Machine> AnyMachine =
        from memory in Gen.Choose(2, 48)
        from gpus in Gen.ArrayOf(Gen.Choose(4, 96))
        from isIntegrated in Gen.Frequency((5, Gen.Constant(false)), (1, Gen.Constant(true)))
        select MachineOf(memory / 2.0, [.. gpus.Take(3).Select(quarters => quarters / 4.0)], isIntegrated);

    private static readonly Gen<FitRequest> Requests =
        from context in Gen.Choose(0, 24_000)
        from batch in Gen.Elements(32, 512)
        from flash in Gen.Elements<bool?>(false, null)
        select new FitRequest { ContextLength = context, BatchSize = batch, FlashAttention = flash };

    private static void Check(Func<ModelShape, Machine, FitRequest, bool> holds)
    {
        var anything = from model in Small from machine in AnyMachine from request in Requests select (model, machine, request);
        Prop.ForAll(anything.ToArbitrary(), sample => holds(sample.model, sample.machine, sample.request)).QuickCheckThrowOnFailure();
    }

    private static bool Fits(ModelShape model, Machine machine, FitRequest request) => FitEstimator.Estimate(model, machine, request).Fits;

    [Fact]
    public void NoPlacementWithMoreLayersOnGpusFits() => Check((model, machine, request) =>
    {
        var fit = FitEstimator.Estimate(model, machine, request);
        var all = FitEstimator.Estimate(model, machine, request with { GpuLayers = -1, CpuExpertLayers = 0 }).GpuLayers;
        var tried = from layers in Enumerable.Range(0, all + 1)
                    from experts in Enumerable.Range(0, layers == 0 || model.ExpertLayerBytes.All(bytes => bytes == 0) ? 1 : model.Layers + 1)
                    where Fits(model, machine, request with { GpuLayers = layers, CpuExpertLayers = experts })
                    orderby layers descending, experts
                    select (layers, experts);
        return tried.FirstOrDefault((-1, -1)) is var best && (best.Item1 < 0 ? !fit.Fits : fit.Fits && best == (fit.GpuLayers, fit.Parameters.CpuExpertLayers));
    });

    [Fact]
    public void TheNextLongerContextDoesNotFit() => Check((model, machine, request) =>
    {
        var fit = FitEstimator.Estimate(model, machine, request with { ContextLength = ContextWish.Largest });
        var most = model.TrainedContextLength > 0 ? model.TrainedContextLength : ContextPlan.Longest(0, request.UnifiedCache ? 1 : request.Sequences);
        bool FitsWith(int context) => Fits(model, machine, request with { ContextLength = context, GpuLayers = fit.GpuLayers, CpuExpertLayers = fit.Parameters.CpuExpertLayers });
        return fit.Fits
            ? FitsWith(fit.ContextLength) && (fit.ContextLength + Multiple > (most + Multiple - 1) / Multiple * Multiple || !FitsWith(fit.ContextLength + Multiple))
            : !Fits(model, machine, request with { ContextLength = Multiple });
    });

    [Fact]
    public void TheLargestContextCostsNoLayer() => Check((model, machine, request) =>
    {
        var largest = FitEstimator.Estimate(model, machine, request with { ContextLength = ContextWish.Largest });
        var usual = FitEstimator.Estimate(model, machine, request with { ContextLength = 0 });
        return !usual.Fits || (largest.Fits && largest.GpuLayers == usual.GpuLayers && largest.Parameters.CpuExpertLayers == usual.Parameters.CpuExpertLayers && largest.ContextLength >= usual.ContextLength);
    });

    [Fact]
    public void KeysAndValuesAreMadeSmallerOnlyWhereThatHelps() => Check((model, machine, request) =>
    {
        var usual = FitEstimator.Estimate(model, machine, request with { KvType = GgmlType.F16 });
        var chosen = FitEstimator.Estimate(model, machine, request with { KvType = null });
        long Cache(FitResult fit) => fit.Devices.Sum(device => device.KvCacheBytes);
        return usual.Fits || !chosen.Fits ? chosen.Fits == usual.Fits && Cache(chosen) == Cache(usual) : Cache(chosen) < Cache(usual);
    });

    [Fact]
    public void EveryRemedyHolds() => Check((model, machine, request) => FitEstimator.Estimate(model, machine, request).Remedies.All(remedy =>
    {
        var fit = FitEstimator.Estimate(remedy.Model!, remedy.Machine!, remedy.Request);
        return fit.Fits && fit.Parameters == remedy.Parameters && fit.Devices.Sum(device => device.TotalBytes) == remedy.TotalBytes;
    }));

    [Fact]
    public void TheSameQuestionHasTheSameAnswer() => Check((model, machine, request) =>
    {
        var wish = request with { ContextLength = ContextWish.Largest, KvType = null };
        var (first, second) = (FitEstimator.Estimate(model, machine, wish), FitEstimator.Estimate(model, machine, wish));
        return first.ContextLength == second.ContextLength && first.Devices.SequenceEqual(second.Devices) && first.Advice.SequenceEqual(second.Advice);
    });

    private static ModelShape Uneven(ModelShape model, Random random)
    {
        var layers = Math.Min(model.Layers, 12);
        double[] factors = [.. Enumerable.Range(0, layers).Select(_ => 0.5 + random.NextDouble())];
        IReadOnlyList<long> Scaled(IReadOnlyList<long> bytes) => [.. bytes.Zip(factors, (bytes, factor) => (long)(bytes * factor))];
        var scaled = Scaled(model.LayerBytes);
        return model with
        {
            Layers = layers,
            LoadedLayers = layers,
            // The engine would build no graph of such a model.
            Graph = null,
            // Of recipes other tests tell; these layers' sizes are none of any type.
            Tensors = [],
            Heads = [.. model.Heads.Take(layers)],
            KvHeads = [.. model.KvHeads.Take(layers)],
            KeyLengths = [.. model.KeyLengths.Take(layers)],
            ValueLengths = [.. model.ValueLengths.Take(layers)],
            IsSlidingWindow = [.. model.IsSlidingWindow.Take(layers)],
            StateBytes = [.. model.StateBytes.Take(layers)],
            LayerBytes = scaled,
            ActiveLayerBytes = Scaled(model.ActiveLayerBytes),
            ExpertLayerBytes = Scaled(model.ExpertLayerBytes),
            ActiveExpertLayerBytes = Scaled(model.ActiveExpertLayerBytes),
            WeightsBytes = model.InputBytes + model.OutputBytes - model.TiedBytes + scaled.Sum(),
        };
    }

    private static Machine MachineOf(double memory, double[] gpus, bool isIntegrated)
    {
        var machine = Machines.WithGpus(memory, gpus);
        return isIntegrated && gpus.Length > 0
            ? machine with { Devices = [machine.Devices[0], machine.Devices[1] with { Kind = DeviceKind.IntegratedGpu, FreeBytes = machine.Devices[0].FreeBytes, TotalBytes = machine.Devices[0].TotalBytes }] }
            : machine;
    }
}
