using ModelOps.Hardware;
using Xunit;

namespace ModelOps.Tests.Hardware;

public class GraphicsCardTests
{
    // Names as drivers give them; bandwidths in GB/s from the makers' pages. The first rows are where other tables go wrong (facts/fit.md 3.2).
    [Theory]
    [InlineData("NVIDIA GeForce RTX 5060", 448)]
    [InlineData("AMD Radeon RX 9070 XT", 640)]
    [InlineData("AMD Radeon RX 9070", 640)]
    [InlineData("NVIDIA H100 80GB HBM3", 3350)]
    [InlineData("NVIDIA H100 PCIe", 2039)]
    [InlineData("NVIDIA A100-SXM4-80GB", 2039)]
    [InlineData("NVIDIA A100-PCIE-40GB", 1555)]
    [InlineData("NVIDIA A100 80GB PCIe", 1935)]
    [InlineData("Tesla T4", 320)]
    [InlineData("NVIDIA T400", 80)]
    [InlineData("NVIDIA T400 4GB", 80)]
    [InlineData("NVIDIA GeForce RTX 4070 Ti SUPER", 672)]
    [InlineData("NVIDIA GeForce RTX 4070 Ti", 504)]
    [InlineData("NVIDIA GeForce RTX 4090 Laptop GPU", 576)]
    [InlineData("NVIDIA GeForce RTX 4090 D", 1008)]
    [InlineData("NVIDIA A10", 600)]
    [InlineData("NVIDIA A40", 696)]
    [InlineData("NVIDIA L4", 300)]
    [InlineData("NVIDIA L40S", 864)]
    [InlineData("NVIDIA RTX A4000", 448)]
    [InlineData("NVIDIA RTX 4000 Ada Generation", 360)]
    [InlineData("AMD Radeon RX 7900XTX", 960)]
    [InlineData("AMD Instinct MI300X", 5300)]
    [InlineData("Intel(R) Arc(TM) B580 Graphics", 456)]
    [InlineData("Apple M2 Ultra GPU", 800)]
    [InlineData("Apple M4", 120)]
    public void TellsTheBandwidthByName(string name, double gigabytesPerSecond) => Assert.Equal(gigabytesPerSecond * 1e9, GraphicsCard.Find(name)?.Bandwidth);

    [Theory]
    [InlineData("NVIDIA T4000")]
    [InlineData("NVIDIA A1000")]
    [InlineData("NVIDIA GeForce RTX 3080 Ti Laptop GPU")]
    [InlineData("Apple M5 Ultra GPU")]
    [InlineData("NVIDIA H100")]
    [InlineData("AMD Radeon Graphics")]
    [InlineData("")]
    public void IsSilentOnCardsItDoesNotKnow(string name) => Assert.Null(GraphicsCard.Find(name));

    [Fact]
    public void NoTwoRowsSayTheSame()
        => Assert.All(GraphicsCardTable.Rows, row => Assert.Same(row, GraphicsCard.Find(row.Name)));
}
