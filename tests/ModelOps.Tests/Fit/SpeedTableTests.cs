using ModelOps.Fit;
using ModelOps.Hardware;
using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>The roofline against llama.cpp's scoreboards (facts/fit.md 3.1): measured, by others, with Llama 2 7B in Q4_0.</summary>
public class SpeedTableTests
{
    private const double WeightlessSeconds = 33e-6 * 32;

    // Name as drivers give it, bandwidth in GB/s by specification, tg128.
    private static readonly (string Name, double Bandwidth, double Measured)[] AmpereAndNewer =
    [
        ("NVIDIA GeForce RTX 5090", 1792, 290.0), ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 1792, 260.4), ("NVIDIA GeForce RTX 4090 D", 1008, 189.3),
        ("NVIDIA GeForce RTX 4090", 1008, 186.2), ("NVIDIA GeForce RTX 5080", 960, 182.0), ("NVIDIA GeForce RTX 5070 Ti", 896, 176.9), ("NVIDIA RTX 6000 Ada Generation", 960, 176.1),
        ("NVIDIA GeForce RTX 3090 Ti", 1008, 171.2), ("NVIDIA GeForce RTX 3090", 936, 158.2), ("NVIDIA L40", 864, 152.0), ("NVIDIA GeForce RTX 4080 SUPER", 736, 148.3),
        ("NVIDIA GeForce RTX 4080", 717, 142.5), ("NVIDIA RTX A6000", 768, 138.7), ("NVIDIA GeForce RTX 4070 Ti SUPER", 672, 132.3), ("NVIDIA RTX PRO 4000 Blackwell", 672, 131.7),
        ("NVIDIA RTX A5000", 768, 130.1), ("NVIDIA GeForce RTX 5070", 672, 127.5), ("NVIDIA A40", 696, 124.1), ("NVIDIA GeForce RTX 5060 Ti", 448, 90.9), ("NVIDIA GeForce RTX 3060", 360, 75.6),
        ("NVIDIA GB10", 273, 57.2),
    ];

    private static readonly (string Name, double Measured)[] Others =
    [
        ("NVIDIA A30", 124.8), ("Tesla V100-SXM2-32GB", 129.1), ("Quadro RTX 8000", 102.7), ("Tesla P40", 54.7), ("Tesla M40", 38.0), ("Tesla K80", 13.8),
        ("AMD Radeon RX 7900 XTX", 167.1), ("AMD Instinct MI300X", 232.9), ("AMD Instinct MI210", 124.5), ("AMD Radeon PRO W7900", 121.2), ("AMD Radeon RX 9070", 114.5),
        ("AMD Instinct MI100", 110.5), ("AMD Radeon RX 9070 XT", 101.3), ("AMD Instinct MI50", 99.0), ("AMD Radeon AI PRO R9700", 93.8), ("AMD Instinct MI60", 91.5),
        ("AMD Radeon PRO V620", 74.7), ("Intel(R) Arc(TM) B580 Graphics", 70.1), ("Intel(R) Arc(TM) A770 Graphics", 45),
    ];

    private static readonly (string Name, double Measured)[] Apple =
    [
        ("Apple M1 GPU", 14.15), ("Apple M2 GPU", 21.9), ("Apple M4 GPU", 24.1), ("Apple M3 Pro GPU", 30.7), ("Apple M2 Pro GPU", 37.9), ("Apple M4 Pro GPU", 50.7), ("Apple M2 Max GPU", 61.0),
        ("Apple M4 Max 40-core GPU", 83.1), ("Apple M2 Ultra 60-core GPU", 88.6), ("Apple M2 Ultra 76-core GPU", 94.3),
    ];

    [Fact]
    public void AmpereAndNewerAreTold()
    {
        var errors = AmpereAndNewer.Select(row => Math.Abs(Estimate(row.Name).Expected!.Value / row.Measured - 1)).ToList();

        Assert.True(errors.Average() <= 0.04, $"mean error {errors.Average():P1}");
        Assert.True(errors.Max() <= 0.10, $"worst {errors.Max():P1}");
    }

    [Fact]
    public void TheFamiliesSharesAreWhatTheRowsSay()
    {
        var leftOut = new List<double>();
        foreach (var family in AmpereAndNewer.GroupBy(row => DeviceFamilies.Of(row.Name, DeviceKind.Gpu)))
        {
            var rows = family.ToList();
            Assert.Equal(BestShare(rows), SpeedFamily.Of(family.Key, null).Share, 0.006);
            leftOut.AddRange(rows.Select(row => Error(row, BestShare([.. rows.Where(other => other != row)]))));
        }

        Assert.Equal(AmpereAndNewer.Length, leftOut.Count);
        Assert.True(leftOut.Average() <= 0.04, $"mean error of rows left out {leftOut.Average():P1}");
        Assert.True(leftOut.Max() <= 0.10, $"worst {leftOut.Max():P1}");
    }

    [Fact]
    public void EveryMeasuredCardLiesInTheRange()
    {
        Assert.All(AmpereAndNewer.Select(row => (row.Name, row.Measured)).Concat(Others).Concat(Apple), row =>
        {
            var range = Estimate(row.Name);
            Assert.InRange(row.Measured, range.Low, range.High);
            Assert.InRange(range.High / range.Low, 1.1, 3);
        });
    }

    /// <summary>The same of their families alone: a fit goes by a card's own row where the family is wide, which proves nothing of cards without one.</summary>
    [Fact]
    public void EveryMeasuredCardLiesInTheRangeOfItsFamily()
        => Assert.All(Others.Concat(Apple), row =>
        {
            var card = GraphicsCard.Find(row.Name)!;
            var family = SpeedFamily.Of(DeviceFamilies.Of(row.Name, DeviceKind.Gpu), card with { Generation = null, Prompt = null });
            var seconds = ReferenceWorkload.ActiveBytes / (family.Share * card.Bandwidth) + ReferenceWorkload.Layers * family.LayerSeconds;
            Assert.InRange(row.Measured, 1 / (seconds * (1 + family.Spread)), (1 + family.Spread) / seconds);
        });

    [Fact]
    public void AppleChipsAreToldWithinATenth()
        => Assert.All(Apple, row => Assert.Equal(1, Estimate(row.Name).Expected!.Value / row.Measured, 0.10));

    // github.com/ggml-org/llama.cpp/discussions/15396, RTX PRO 6000 Blackwell.
    [Theory]
    [InlineData("gpt-oss-20b", 286.9)]
    [InlineData("gpt-oss-120b", 196.3)]
    public void MixturesAreTold(string model, double measured)
    {
        var range = Estimate("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", SyntheticModels.Shape(model));

        Assert.Equal(1, range.Expected!.Value / measured, 0.12);
        Assert.InRange(measured, range.Low, range.High);
    }

    // pp512 of the same scoreboards: what the family says of them, their own rows aside, by which a fit goes where there are any.
    [Theory]
    [InlineData("NVIDIA GeForce RTX 5090", 14073)]
    [InlineData("NVIDIA GeForce RTX 4090", 11993)]
    [InlineData("NVIDIA GeForce RTX 3090", 5175)]
    [InlineData("AMD Radeon RX 7900 XTX", 3552)]
    [InlineData("Tesla P40", 1007)]
    [InlineData("Apple M4 Pro GPU", 440)]
    public void PromptsAreTold(string name, double measured)
    {
        var family = SpeedFamily.Of(DeviceFamilies.Of(name, DeviceKind.Gpu), null);
        var told = family.OperationsPerByte!.Value * GraphicsCard.Find(name)!.Bandwidth / (2 * 6.476e9);
        Assert.InRange(measured, told / (1 + family.OperationsSpread), told * (1 + family.OperationsSpread));
    }

    [Fact]
    public void ACardThatNobodyKnowsHasNoSpeed()
        => Assert.Null(Fit("Voodoo 2", Llama2()).TokensPerSecond);

    [Fact]
    public void WhatTheDriverSaysOfTheBandwidthCounts()
    {
        var half = Machines.Of([Machines.Cpu(64).Devices[0], new Device("NVIDIA GeForce RTX 4090", DeviceKind.Gpu, 80L << 30, 80L << 30, 504e9)]);
        var fit = FitEstimator.Estimate(Llama2(), half, new FitRequest { ContextLength = 512, GpuLayers = -1 });
        Assert.InRange(fit.TokensPerSecond!.Expected!.Value, 95, 110);
    }

    private static double BestShare(IReadOnlyList<(string Name, double Bandwidth, double Measured)> rows)
        => Enumerable.Range(300, 700).Select(share => share / 1000.0).MinBy(share => rows.Sum(row => Error(row, share) * Error(row, share)));

    private static double Error((string Name, double Bandwidth, double Measured) row, double share)
        => Math.Abs(1 / ((3.749e9 / (share * row.Bandwidth * 1e9)) + WeightlessSeconds) / row.Measured - 1);

    private static SpeedRange Estimate(string card, ModelShape? model = null) => Fit(card, model ?? Llama2()).TokensPerSecond!;

    // Room for everything: the speed of a card does not depend on whether this one has the memory. Its bandwidth is not said, so it is known by name.
    private static FitResult Fit(string card, ModelShape model) => FitEstimator.Estimate(
        model, Machines.Of([Machines.Cpu(256).Devices[0], new Device(card, DeviceKind.Gpu, 200L << 30, 200L << 30)]), new FitRequest { ContextLength = 512, GpuLayers = -1 });

    private static ModelShape Llama2()
    {
        var header = new DenseShape("llama", GgmlType.Q4_0, 32, 4096, 32, 32, 128, 11008, 32000, 4096).Build().Layout();
        var shape = ModelShape.FromGguf(GgufFile.Read(new MemoryStream(header.Header.ToArray()), header.FileBytes), "Llama 2 7B");
        // The file that was measured has its output in Q6_K.
        return shape with { ActiveBytes = 3_749_000_000, OutputBytes = shape.OutputBytes + 3_749_000_000 - shape.ActiveBytes };
    }
}
