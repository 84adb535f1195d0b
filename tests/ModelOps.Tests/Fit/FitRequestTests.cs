using Xunit;

namespace ModelOps.Tests.Fit;

public class FitRequestTests
{
    private static readonly ModelShape Llama = SyntheticModels.Shape("Llama-3-8B");

    public static TheoryData<FitRequest> Senseless =>
    [
        new FitRequest { ContextLength = -1 },
        new FitRequest { ContextLength = int.MaxValue },
        new FitRequest { BatchSize = 0 },
        new FitRequest { BatchSize = 1 << 20 },
        new FitRequest { GpuLayers = -2 },
        new FitRequest { KvType = GgmlType.Q6_K },
        new FitRequest { KvType = GgmlType.Q8_0, FlashAttention = false },
    ];

    [Theory]
    [MemberData(nameof(Senseless))]
    public void WhatMakesNoSenseIsRefused(FitRequest request)
    {
        var error = Assert.Throws<ModelOpsException>(() => FitEstimator.Estimate(Llama, Machines.Cpu(32), request));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public void HeadsThatBlocksDoNotFitAreRefused()
    {
        var odd = Llama with { KeyLengths = [.. Enumerable.Repeat(80, 32)], ValueLengths = [.. Enumerable.Repeat(80, 32)] };
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => FitEstimator.Estimate(odd, Machines.Cpu(32), new FitRequest { KvType = GgmlType.Q8_0 })).Kind);
        Assert.True(FitEstimator.Estimate(odd, Machines.Cpu(32), new FitRequest()).Fits);
    }

    [Fact]
    public void AMachineWithoutCpuIsRefused()
        => Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => FitEstimator.Estimate(Llama, Machines.Of([]), new FitRequest())).Kind);

    [Theory]
    [InlineData(8192, 0, 4096)]
    [InlineData(2048, 0, 2048)]
    [InlineData(0, 0, 4096)]
    [InlineData(8192, 1, 256)]
    [InlineData(8192, 4097, 4352)]
    public void ContextsAreRoundedAsByTheEngine(int trained, int asked, int expected)
        => Assert.Equal(expected, FitEstimator.Estimate(Llama with { TrainedContextLength = trained }, Machines.Cpu(32), new FitRequest { ContextLength = asked }).ContextLength);

    [Fact]
    public void SpeedIsNullWithoutBandwidthAndARangeWith()
    {
        Assert.Null(FitEstimator.Estimate(Llama, Machines.Cpu(32), new FitRequest()).TokensPerSecond);
        var speed = FitEstimator.Estimate(Llama, Machines.Cpu(32, bandwidth: 60e9), new FitRequest()).TokensPerSecond!;
        // No faster than memory delivers the weights.
        Assert.InRange(speed.High, speed.Low, 60e9 / Llama.ActiveBytes);
        Assert.True(speed.Low > 0);
    }

    /// <summary>Measured: Llama-2-7B Q4_0 generates 186 tokens a second on an RTX 4090, 158 on an RTX 3090, 90.9 on an RTX 5060 Ti (facts/fit.md 3.1).</summary>
    [Theory]
    [InlineData(1008e9, 186.2)]
    [InlineData(936e9, 158.2)]
    [InlineData(448e9, 90.9)]
    public void SpeedOnRealCardsIsInTheRange(double bandwidth, double measured)
    {
        const long ActiveBytes = 3_749_000_000;
        var layer = (ActiveBytes - 107_000_000) / 32;
        var model = Llama with
        {
            LayerBytes = [.. Enumerable.Repeat(layer, 32)],
            ActiveLayerBytes = [.. Enumerable.Repeat(layer, 32)],
            OutputBytes = 107_000_000,
            KvHeads = [.. Enumerable.Repeat(32, 32)],
        };
        var machine = Machines.WithGpus(32, 24);
        machine = machine with { Devices = [machine.Devices[0], machine.Devices[1] with { BandwidthBytesPerSecond = bandwidth }] };
        // The benchmark's context is short.
        var speed = FitEstimator.Estimate(model, machine, new FitRequest { ContextLength = 256 }).TokensPerSecond!;
        Assert.InRange(measured, speed.Low, speed.High);
        Assert.InRange(speed.High / speed.Low, 1, 1.4);
    }
}
