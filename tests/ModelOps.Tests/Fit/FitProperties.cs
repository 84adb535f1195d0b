using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>What must hold for every model, machine and request.</summary>
public class FitProperties
{
    private static readonly IReadOnlyList<ModelShape> Shapes = [.. SyntheticModels.Names.Select(SyntheticModels.Shape)];

    private static readonly Gen<FitRequest> Requests =
        from context in Gen.Choose(1, 60_000)
        from batch in Gen.Elements(1, 32, 512, 2048)
        from flash in Gen.Elements<bool?>(true, false, null)
        from layers in Gen.Elements<int?>(null, -1, 0, 1, 7, 30)
        select new FitRequest { ContextLength = context, BatchSize = batch, FlashAttention = flash, GpuLayers = layers };

    private static readonly Gen<Machine> AnyMachine =
        from memory in Gen.Choose(1, 96)
        from gpus in Gen.ArrayOf(Gen.Choose(1, 80))
        select Machines.WithGpus(memory, [.. gpus.Take(4).Select(gibibytes => (double)gibibytes)]);

    private static readonly Gen<(ModelShape Model, Machine Machine, FitRequest Request)> Anything =
        from model in Gen.Elements<ModelShape>([.. Shapes])
        from machine in AnyMachine
        from request in Requests
        select (model, machine, request);

    private static void Check(Func<ModelShape, Machine, FitRequest, bool> holds)
        => Prop.ForAll(Anything.ToArbitrary(), sample => holds(sample.Model, sample.Machine, sample.Request)).QuickCheckThrowOnFailure();

    // Layers for multi-token prediction are in the file and are not loaded.
    private static long Loaded(ModelShape model) => model.InputBytes + model.LayerBytes.Sum() + model.OutputBytes - model.TiedBytes;

    private static long Total(FitResult fit) => fit.Devices.Sum(device => device.TotalBytes);

    [Fact]
    public void PartsAddUp() => Check((model, machine, request) => FitEstimator.Estimate(model, machine, request).Devices
        .All(device => device.TotalBytes == device.WeightsBytes + device.KvCacheBytes + device.StateBytes + device.ComputeBytes + device.OverheadBytes
            && device.WeightsBytes >= 0 && device.KvCacheBytes >= 0 && device.ComputeBytes >= 0 && device.OverheadBytes >= 0));

    [Fact]
    public void ItFitsExactlyWhenEveryDeviceHasRoom() => Check((model, machine, request) => FitEstimator.Estimate(model, machine, request) is var fit
        && fit.Fits == fit.Devices.All(device => device.TotalBytes <= device.FreeBytes));

    [Fact]
    public void NoWeightIsLostBetweenDevices() => Check((model, machine, request) => FitEstimator.Estimate(model, machine, request) is var fit
        && fit.Devices.Sum(device => device.WeightsBytes) == Loaded(model) + (fit.GpuLayers > 0 ? model.TiedBytes : 0));

    /// <summary>But for the compute buffers: the engine's allocator may leave a hole at one context that it does not at another.</summary>
    [Fact]
    public void MoreContextNeverTakesLess() => Check((model, machine, request) =>
    {
        var fixedLayers = request with { GpuLayers = request.GpuLayers ?? 0 };
        long WithoutBuffers(FitRequest asked) => FitEstimator.Estimate(model, machine, asked).Devices.Sum(device => device.TotalBytes - device.ComputeBytes);
        return WithoutBuffers(fixedLayers) <= WithoutBuffers(fixedLayers with { ContextLength = request.ContextLength.Length!.Value * 2 });
    });

    [Fact]
    public void ALargerBatchNeverTakesLess() => Check((model, machine, request) =>
    {
        var fixedLayers = request with { GpuLayers = request.GpuLayers ?? 0 };
        return Total(FitEstimator.Estimate(model, machine, fixedLayers)) <= Total(FitEstimator.Estimate(model, machine, fixedLayers with { BatchSize = request.BatchSize * 2 }));
    });

    [Fact]
    public void AMachineWithMoreMemoryNeverRefusesWhatASmallerOneTakes() => Check((model, machine, request) =>
    {
        var larger = machine with { Devices = [machine.Devices[0] with { FreeBytes = machine.Devices[0].FreeBytes * 2, TotalBytes = machine.Devices[0].TotalBytes * 2 }, .. machine.Devices.Skip(1)] };
        return !FitEstimator.Estimate(model, machine, request).Fits || FitEstimator.Estimate(model, larger, request).Fits;
    });

    [Fact]
    public void SmallerKeysAndValuesNeverTakeMoreCache() => Check((model, machine, request) =>
    {
        var flash = request with { FlashAttention = true };
        return FitEstimator.Estimate(model, machine, flash with { KvType = GgmlType.Q8_0 }).Devices.Sum(device => device.KvCacheBytes)
            <= FitEstimator.Estimate(model, machine, flash).Devices.Sum(device => device.KvCacheBytes);
    });

    [Fact]
    public void SpeedIsARange() => Check((model, machine, request) => FitEstimator.Estimate(model, machine, request).TokensPerSecond is { Low: > 0 } speed && speed.Low <= speed.High && double.IsFinite(speed.High));
}
