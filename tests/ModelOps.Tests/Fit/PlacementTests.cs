using ModelOps.Fit;
using Xunit;

namespace ModelOps.Tests.Fit;

public class PlacementTests
{
    private static readonly ModelShape Llama = SyntheticModels.Shape("Llama-3-8B");

    private static string Letters(IEnumerable<int> placement) => string.Concat(placement.Select(device => device < 0 ? '-' : (char)('a' + device)));

    [Theory]
    [InlineData(0, "-----")]
    [InlineData(1, "----a")]
    [InlineData(2, "---aa")]
    [InlineData(5, "aaaaa")]
    [InlineData(99, "aaaaa")]
    public void TheOutputGoesFirstThenTheLastLayers(int gpuLayers, string expected) => Assert.Equal(expected, Letters(LayerPlacement.Place(4, gpuLayers, [8])));

    [Theory]
    [InlineData(8, "aaaaabbbb", 1, 1)]
    [InlineData(8, "aaaaaaabb", 3, 1)]
    [InlineData(7, "aaaaaabb", 3, 1)]
    [InlineData(8, "aaabbbccc", 1, 1, 1)]
    [InlineData(3, "aabb", 0, 0)]
    public void SeveralGpusShareByFreeMemory(int layers, string expected, params int[] free)
        => Assert.Equal(expected, Letters(LayerPlacement.Place(layers, layers + 1, [.. free.Select(value => (long)value)])));

    [Fact]
    public void ABigGpuTakesAll()
    {
        var fit = FitEstimator.Estimate(Llama, Machines.WithGpus(32, 24), new FitRequest());
        Assert.True(fit.Fits);
        Assert.Equal(33, fit.GpuLayers);
        var (cpu, gpu) = (fit.Devices[0], fit.Devices[1]);
        Assert.Equal(Llama.InputBytes, cpu.WeightsBytes);
        Assert.Equal(Llama.WeightsBytes - Llama.InputBytes, gpu.WeightsBytes);
        Assert.Equal((0, 512L << 20), (cpu.KvCacheBytes, gpu.KvCacheBytes));
        // "CUDA0 compute buffer size = 258.50 MiB" in public logs of this model.
        Assert.Equal(258.5, gpu.ComputeBytes / (double)(1 << 20), 1);
    }

    [Fact]
    public void ASmallGpuTakesWhatFitsAndNoLayerMore()
    {
        var machine = Machines.WithGpus(32, 4);
        var fit = FitEstimator.Estimate(Llama, machine, new FitRequest());
        Assert.True(fit.Fits);
        Assert.InRange(fit.GpuLayers, 5, 31);
        Assert.False(FitEstimator.Estimate(Llama, machine, new FitRequest { GpuLayers = fit.GpuLayers + 1 }).Fits);
        Assert.Equal((512L << 20) * (fit.GpuLayers - 1) / 32, fit.Devices[1].KvCacheBytes);
        Assert.Equal(Llama.WeightsBytes, fit.Devices.Sum(device => device.WeightsBytes));
    }

    [Fact]
    public void OneGpuLayerIsTheOutput()
    {
        var fit = FitEstimator.Estimate(Llama, Machines.WithGpus(32, 24), new FitRequest { GpuLayers = 1 });
        Assert.Equal((1, Llama.OutputBytes, 0), (fit.GpuLayers, fit.Devices[1].WeightsBytes, fit.Devices[1].KvCacheBytes));
    }

    [Fact]
    public void WithoutGpuLayersNothingIsOnTheGpu()
    {
        var fit = FitEstimator.Estimate(Llama, Machines.WithGpus(32, 24), new FitRequest { GpuLayers = 0 });
        Assert.Equal((0, 0), (fit.GpuLayers, fit.Devices[1].TotalBytes));
        Assert.Equal(Llama.WeightsBytes, fit.Devices[0].WeightsBytes);
    }

    [Fact]
    public void ATiedEmbeddingIsLoadedTwiceOnlyAcrossDevices()
    {
        var gemma = SyntheticModels.Shape("Gemma-3-4B");
        long Weights(int gpuLayers) => FitEstimator.Estimate(gemma, Machines.WithGpus(32, 24), new FitRequest { GpuLayers = gpuLayers }).Devices.Sum(device => device.WeightsBytes);
        Assert.Equal(gemma.WeightsBytes, Weights(0));
        Assert.Equal(gemma.WeightsBytes + gemma.TiedBytes, Weights(-1));
    }

    [Fact]
    public void TwoGpusHoldWhatOneCannot()
    {
        var model = SyntheticModels.Shape("Llama-3-70B");
        var one = FitEstimator.Estimate(model, Machines.WithGpus(64, 24), new FitRequest());
        var two = FitEstimator.Estimate(model, Machines.WithGpus(64, 24, 24), new FitRequest());
        Assert.InRange(one.GpuLayers, 1, 80);
        Assert.Equal(81, two.GpuLayers);
        Assert.All(two.Devices, device => Assert.InRange(device.TotalBytes, 1, device.FreeBytes));
        // The output, and so the logits, are on the last GPU.
        Assert.True(two.Devices[2].ComputeBytes > two.Devices[1].ComputeBytes);
    }

    [Fact]
    public void AnIntegratedGpuSharesTheMainMemory()
    {
        Machine Mac(long gibibytes) => Machines.Of(
        [
            new("CPU", DeviceKind.Cpu, gibibytes * Machines.GiB, gibibytes * Machines.GiB, 100e9),
            new("Apple M2 GPU", DeviceKind.IntegratedGpu, gibibytes * Machines.GiB, gibibytes * Machines.GiB, 100e9),
        ]);
        var request = new FitRequest { GpuLayers = -1 };
        Assert.True(FitEstimator.Estimate(Llama, Mac(8), request).Fits);
        // Each part would fit on its own, both together do not.
        var tight = FitEstimator.Estimate(Llama, Mac(5), request);
        Assert.False(tight.Fits);
        Assert.All(tight.Devices, device => Assert.InRange(device.TotalBytes, 0, device.FreeBytes));
    }

    [Fact]
    public void AnIntegratedGpuRestsBesideARealOne()
    {
        var machine = Machines.WithGpus(32, 24);
        machine = machine with { Devices = [.. machine.Devices, new Device("Intel GPU", DeviceKind.IntegratedGpu, 16 * Machines.GiB, 16 * Machines.GiB, null)] };
        Assert.Equal(["CPU", "NVIDIA GPU 0"], FitEstimator.Estimate(Llama, machine, new FitRequest()).Devices.Select(device => device.Name));
    }

    /// <summary>As llama.cpp's own fit does (common/fit.cpp): what every token needs is on the GPU, and of the experts as many layers' as there is room for.</summary>
    [Fact]
    public void AMixtureLeavesExpertsToTheCpuBeforeAnyLayer()
    {
        var model = SyntheticModels.Shape("Qwen3-30B-A3B");
        var machine = Machines.WithGpus(64, 12);
        var request = new FitRequest { ContextLength = 32768 };
        Assert.False(FitEstimator.Estimate(model, machine, request with { CpuExpertLayers = 0, GpuLayers = -1 }).Fits);
        var fit = FitEstimator.Estimate(model, machine, request);
        Assert.True(fit.Fits);
        Assert.Equal(49, fit.GpuLayers);
        var experts = fit.Parameters.CpuExpertLayers;
        Assert.InRange(experts, 1, 47);
        Assert.False(FitEstimator.Estimate(model, machine, request with { GpuLayers = -1, CpuExpertLayers = experts - 1 }).Fits);
        // The cache lies beside attention, and the CPU holds the embedding and those experts.
        Assert.Equal(0, fit.Devices[0].KvCacheBytes);
        Assert.Equal(model.InputBytes + model.ExpertLayerBytes.Take(experts).Sum(), fit.Devices[0].WeightsBytes);
        // More context than that costs no layer: it goes as far as the placement allows.
        var largest = FitEstimator.Estimate(model, machine, request with { ContextLength = ContextWish.Largest });
        Assert.Equal(49, largest.GpuLayers);
        Assert.False(FitEstimator.Estimate(model, machine, new FitRequest { ContextLength = largest.ContextLength + 256, GpuLayers = -1, CpuExpertLayers = largest.Parameters.CpuExpertLayers }).Fits);
    }
}
