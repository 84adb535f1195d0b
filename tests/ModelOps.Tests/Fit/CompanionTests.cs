using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>Projectors, adapters and overrides.</summary>
public class CompanionTests
{
    private static readonly ModelShape Llama = SyntheticModels.Shape("Llama-3-8B");
    private static readonly Machine Workstation = Machines.WithGpus(64, 24);

    private static string Golden(string golden, string file) => Path.Combine(TestPaths.Golden(golden), file);

    [Fact]
    public void AnAdapterLiesBesideWhatItPatches()
    {
        var file = GgufFile.Read(Golden("lora-llama", "official.f32.gguf"));
        var adapter = AdapterShape.FromGguf(file);
        Assert.Equal(file.Tensors.Sum(tensor => tensor.Bytes), adapter.Tensors.Sum(tensor => tensor.Bytes * Math.Max(1, tensor.Layers.Count)));
        var model = ModelShape.FromGguf(GgufFile.Read(Golden("llama", "official.f32.gguf")));
        foreach (var layers in (int[])[0, 1, 2, model.Layers, model.Layers + 1])
        {
            var bare = FitEstimator.Estimate(model, Workstation, new FitRequest { GpuLayers = layers });
            var adapted = FitEstimator.Estimate(model, Workstation, new FitRequest { GpuLayers = layers, Adapters = [adapter] });
            var onGpu = file.Tensors.Where(tensor => tensor.Name.StartsWith("blk.", StringComparison.Ordinal)
                ? int.Parse(tensor.Name.Split('.')[1], null) >= model.Layers + 1 - layers
                : layers > 0 && !tensor.Name.StartsWith("token_embd", StringComparison.Ordinal)).Sum(tensor => tensor.Bytes);
            Assert.Equal(onGpu, adapted.Devices[1].WeightsBytes - bare.Devices[1].WeightsBytes);
            Assert.Equal(file.Tensors.Sum(tensor => tensor.Bytes) - onGpu, adapted.Devices[0].WeightsBytes - bare.Devices[0].WeightsBytes);
        }
    }

    [Fact]
    public void AProjectorIsCountedOnTheFirstGpu()
    {
        var file = GgufFile.Read(Golden("gemma3-vision", "official.mmproj.f32.gguf"));
        var projector = ProjectorShape.FromGguf(file);
        Assert.Equal(file.Tensors.Sum(tensor => tensor.Bytes), projector.WeightsBytes);
        Assert.True(projector.ComputeBytes > 0);
        foreach (var (layers, device) in ((int, int)[])[(0, 0), (-1, 1)])
        {
            var bare = FitEstimator.Estimate(Llama, Machines.WithGpus(64, 24, 24), new FitRequest { GpuLayers = layers });
            var seeing = FitEstimator.Estimate(Llama, Machines.WithGpus(64, 24, 24), new FitRequest { GpuLayers = layers, Projector = projector });
            Assert.Equal((projector.WeightsBytes, projector.ComputeBytes),
                (seeing.Devices[device].WeightsBytes - bare.Devices[device].WeightsBytes, seeing.Devices[device].ComputeBytes - bare.Devices[device].ComputeBytes));
            Assert.Equal(bare.Devices.Sum(part => part.TotalBytes) + projector.WeightsBytes + projector.ComputeBytes, seeing.Devices.Sum(part => part.TotalBytes));
        }
    }

    [Fact]
    public void AProjectorsPictureTakesWhatTheEncoderReports()
    {
        // Gemma 3's: 896 pixels in patches of 14, 16 heads, 1152 wide: "compute buffer size = 1132.00 MiB" in logs of llama.cpp without flash attention.
        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", "clip");
        metadata.Set("clip.vision.image_size", 896u);
        metadata.Set("clip.vision.patch_size", 14u);
        metadata.Set("clip.vision.attention.head_count", 16u);
        metadata.Set("clip.vision.embedding_length", 1152u);
        var header = ModelOps.Formats.GgufLayout.Create(metadata, []);
        var projector = ProjectorShape.FromGguf(GgufFile.Read(new MemoryStream(header.Header.ToArray()), header.FileBytes));
        Assert.Equal(1132L << 20, projector.ComputeBytes);
    }

    [Fact]
    public void AModelIsNoCompanion()
    {
        var model = GgufFile.Read(Golden("llama", "official.f32.gguf"));
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => AdapterShape.FromGguf(model)).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => ProjectorShape.FromGguf(model)).Kind);
    }

    [Fact]
    public void AnOverriddenEmbeddingThatIsTheOutputTooIsThereOnce()
    {
        var gemma = SyntheticModels.Shape("Gemma-3-4B");
        var fit = FitEstimator.Estimate(gemma, Workstation, new FitRequest { GpuLayers = -1, TensorOverrides = [new("token_embd", "GPU0")] });
        Assert.Equal(0, fit.Devices[0].WeightsBytes);
        Assert.Equal(gemma.WeightsBytes, fit.Devices[1].WeightsBytes);
    }

    [Theory]
    [InlineData("(?=a)b=CPU")]
    [InlineData(@"(a)\1=CPU")]
    [InlineData("(=CPU")]
    [InlineData("a=")]
    [InlineData("=CPU")]
    [InlineData("a")]
    [InlineData("a=disk")]
    [InlineData("a=GPU")]
    [InlineData("a=GPU-1")]
    [InlineData("a=GPU9999")]
    public void NonsenseIsNoOverride(string text) => Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => TensorOverride.Parse(text)).Kind);

    [Theory]
    [InlineData("blk\\.1\\.=CPU", "blk\\.1\\.", "CPU", -1)]
    [InlineData("a=b=cuda1", "a=b", "cuda1", 1)]
    [InlineData("x=Vulkan0", "x", "Vulkan0", 0)]
    [InlineData("x=GPU12", "x", "GPU12", 12)]
    public void AnOverrideIsPatternAndDevice(string text, string pattern, string device, int gpu)
    {
        var parsed = TensorOverride.Parse(text);
        Assert.Equal((pattern, device, gpu), (parsed.Pattern, parsed.Device, parsed.GpuIndex()));
        Assert.Equal(text, parsed.ToString());
    }

    [Fact]
    public void APatternThatBacktracksElsewhereIsSearchedForInLinearTime()
    {
        var name = new string('a', 60) + "!";
        Assert.DoesNotMatch(TensorOverride.Parse("^(a+)+$=CPU").Matcher(), name);
        Assert.DoesNotMatch(TensorOverride.Parse("^(a|aa)+$=CPU").Matcher(), name);
    }

    [Fact]
    public void AGpuThatTheMachineLacksIsTold()
        => Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => FitEstimator.Estimate(Llama, Workstation, new FitRequest { TensorOverrides = [new("ffn", "GPU1")] })).Kind);
}
