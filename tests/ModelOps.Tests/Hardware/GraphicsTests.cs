using ModelOps.Hardware;
using Xunit;

namespace ModelOps.Tests.Hardware;

public class GraphicsTests
{
    private const long GiB = 1L << 30;

    private static FakeRoot Card(FakeRoot root, string card, string vendor, string device, params (string Name, long Value)[] files)
    {
        root.Add($"sys/class/drm/{card}/device/vendor", vendor + "\n").Add($"sys/class/drm/{card}/device/device", device + "\n");
        foreach (var (name, value) in files)
        {
            root.Add($"sys/class/drm/{card}/{name}", $"{value}\n");
        }
        return root;
    }

    [Fact]
    public void AmdCardIsNamedFromTheListOfPciDevices()
    {
        using var root = Card(new FakeRoot(), "card1", "0x1002", "0x744c", ("device/mem_info_vram_total", 24 * GiB), ("device/mem_info_vram_used", GiB), ("device/mem_info_gtt_total", 32 * GiB))
            .Add("usr/share/misc/pci.ids", "# list\n1001  Other\n\t744c  Wrong\n1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\t7448  Navi 31 [Radeon Pro W7900]\n\t744c  Navi 31 [Radeon RX 7900 XT/7900 XTX]\n\t\t1002 0e3b  Sub [Wrong]\n1003  Next\n")
            .Add("sys/class/drm/card1-DP-1/status", "connected\n");
        Assert.Equal([new Device("AMD Radeon RX 7900 XT/7900 XTX", DeviceKind.Gpu, 24 * GiB, 23 * GiB, null)], new LinuxGraphics(root.Path).Read(64 * GiB, 40 * GiB));
    }

    [Fact]
    public void AmdInsideTheProcessorSharesMainMemory()
    {
        using var root = Card(new FakeRoot(), "card0", "0x1002", "0x150e", ("device/mem_info_vram_total", GiB / 2), ("device/mem_info_vram_used", GiB / 4), ("device/mem_info_gtt_total", 16 * GiB), ("device/mem_info_gtt_used", GiB));
        Assert.Equal([new Device("AMD GPU 150e", DeviceKind.IntegratedGpu, 16 * GiB + GiB / 2, 10 * GiB + GiB / 4, null)], new LinuxGraphics(root.Path).Read(32 * GiB, 10 * GiB));
    }

    [Fact]
    public void IntelCardsTellTheirMemoryInTheirDriversWays()
    {
        using var root = Card(new FakeRoot(), "card0", "0x8086", "0x7d55");
        Card(root, "card1", "0x8086", "0x56a0", ("lmem_total_bytes", 16 * GiB), ("lmem_avail_bytes", 15 * GiB));
        Card(root, "card2", "0x8086", "0xe20b", ("device/tile0/physical_vram_size_bytes", 12 * GiB));
        Assert.Equal(
            [
                new Device("Intel GPU 7d55", DeviceKind.IntegratedGpu, 16 * GiB, 8 * GiB, null),
                new Device("Intel GPU 56a0", DeviceKind.Gpu, 16 * GiB, 15 * GiB, null),
                new Device("Intel GPU e20b", DeviceKind.Gpu, 12 * GiB, 12 * GiB, null),
            ],
            new LinuxGraphics(root.Path).Read(32 * GiB, 8 * GiB));
    }

    [Fact]
    public void OtherVendorsAreLeftToOthers()
    {
        using var root = Card(new FakeRoot(), "card0", "0x10de", "0x2684");
        Card(root, "card1", "0x1a03", "0x2000");
        Assert.Empty(new LinuxGraphics(root.Path).Read(32 * GiB, 8 * GiB));
    }

    [Theory]
    [InlineData(384, 10501, 1008.1)]
    [InlineData(384, 9751, 936.1)]
    [InlineData(5120, 2619, 3352.3)]
    public void NvidiaBandwidthIsBusTimesClock(uint bits, uint megahertz, double gigabytes) => Assert.Equal(gigabytes, NvidiaManagement.Bandwidth(bits, megahertz)!.Value / 1e9, 1);

    [Fact]
    public void NvidiaWithoutBusWidthHasNoBandwidth() => Assert.Null(NvidiaManagement.Bandwidth(0, 9000));

    [Theory]
    [InlineData(null, 1, true)]
    [InlineData("", 0, false)]
    [InlineData("-1", 0, false)]
    [InlineData("0,2", 2, true)]
    [InlineData("0,2", 1, false)]
    [InlineData("0,-1,2", 2, false)]
    [InlineData("GPU-8932f937", 1, true)]
    [InlineData("GPU-0000", 1, false)]
    public void CudaVisibleDevicesIsObeyed(string? variable, int index, bool expected) => Assert.Equal(expected, NvidiaManagement.IsVisible(variable, index, "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"));

    [Theory]
    [InlineData("PCI\\VEN_1002&DEV_744C", 24, DeviceKind.Gpu, 24, 24)]
    [InlineData("pci\\ven_8086&dev_7d55", 0, DeviceKind.IntegratedGpu, 16, 10)]
    public void WindowsAdaptersAreToldByTheirMemory(string id, long own, DeviceKind kind, long total, long free)
        => Assert.Equal(new Device("Name", kind, total * GiB, free * GiB, null), WindowsRecords.Adapter("Name", id, own * GiB, 32 * GiB, 10 * GiB));

    [Theory]
    [InlineData("PCI\\VEN_10DE&DEV_2684")]
    [InlineData("ROOT\\BasicDisplay")]
    public void WindowsAdaptersOfOthersAreLeftOut(string id) => Assert.Null(WindowsRecords.Adapter("Name", id, 0, 32 * GiB, 10 * GiB));

    /// <summary>Makers' figures: RX 7900 XTX, RX 6900 XT, RX 5700 XT, MI100, MI210, MI300X.</summary>
    [Theory]
    [InlineData("AMD Radeon RX 7900 XTX", 384, 1249, 960)]
    [InlineData("AMD Radeon RX 6900 XT", 256, 1000, 512)]
    [InlineData("AMD Radeon RX 5700 XT", 256, 875, 448)]
    [InlineData("AMD Instinct MI100", 4096, 1200, 1229)]
    [InlineData("AMD Instinct MI210", 4096, 1600, 1638)]
    [InlineData("AMD Instinct MI300X", 8192, 1300, 5300)]
    public void AmdBandwidthIsBusTimesClock(string name, long bits, long megahertz, double gigabytes)
        => Assert.InRange(AmdTopology.Bandwidth(bits, megahertz, new Device(name, DeviceKind.Gpu, 1, 1).Family)!.Value / 1e9 / gigabytes, 0.99, 1.01);

    [Fact]
    public void AmdBandwidthOfUnknownMemoryIsUnknown() => Assert.Null(AmdTopology.Bandwidth(256, 2000, DeviceFamily.AmdGcn));

    [Fact]
    public void TheComputeDriversNodeOfACardIsFoundByItsRenderer()
    {
        using var root = Card(new FakeRoot(), "card1", "0x1002", "0x744c", ("device/mem_info_vram_total", 24 * GiB), ("device/mem_info_vram_used", 0))
            .Add("sys/class/drm/card1/device/drm/renderD129/dev", "226:129\n")
            .Add("sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 16\ndrm_render_minor 0\n")
            .Add("sys/class/kfd/kfd/topology/nodes/0/mem_banks/0/properties", "width 64\nmem_clk_max 3200\n")
            .Add("sys/class/kfd/kfd/topology/nodes/1/properties", "drm_render_minor 128\n")
            .Add("sys/class/kfd/kfd/topology/nodes/1/mem_banks/0/properties", "width 256\nmem_clk_max 1000\n")
            .Add("sys/class/kfd/kfd/topology/nodes/2/properties", "simd_count 192\ndrm_render_minor 129\n")
            .Add("sys/class/kfd/kfd/topology/nodes/2/mem_banks/0/properties", "heap_type 1\nsize_in_bytes 25753026560\nwidth 384\nmem_clk_max 1249\n");
        Assert.Equal(959.2e9, new LinuxGraphics(root.Path).Read(64 * GiB, 40 * GiB)[0].BandwidthBytesPerSecond!.Value, 1e8);
    }

    [Theory]
    [InlineData(0x1002, false, 24, 32, 20L, false, DeviceKind.Gpu, 24, 20)]
    [InlineData(0x1002, false, 24, 32, null, false, DeviceKind.Gpu, 24, 24)]
    [InlineData(0x8086, false, 0, 16, 15L, false, DeviceKind.IntegratedGpu, 16, 10)]
    [InlineData(0x10DE, false, 8, 16, 7L, false, DeviceKind.Gpu, 8, 7)]
    public void DxgiTellsEveryMakersAdapters(uint vendor, bool software, long own, long shared, long? granted, bool nvidiaKnown, DeviceKind kind, long total, long free)
        => Assert.Equal(new Device("Name", kind, total * GiB, free * GiB), WindowsRecords.Adapter("Name", vendor, software, own * GiB, shared * GiB, granted * GiB, 10 * GiB, nvidiaKnown));

    [Theory]
    [InlineData(0x1414, true, false)]
    [InlineData(0x1414, false, false)]
    [InlineData(0x10DE, false, true)]
    public void DxgisRenderersAndWhatNvmlKnowsAreLeftOut(uint vendor, bool software, bool nvidiaKnown)
        => Assert.Null(WindowsRecords.Adapter("Name", vendor, software, 8 * GiB, 16 * GiB, null, 10 * GiB, nvidiaKnown));

    [Theory]
    [InlineData(16, 16, 0, 10, 10)]
    [InlineData(128, 100, 0, 96, 96)]
    [InlineData(128, 100, 110 * 1024, 110, 100)]
    public void AppleGpuMayWireAShare(long memory, long free, long limit, long total, long expectedFree)
    {
        var gpu = AppleChip.Gpu("Apple M2 Ultra", memory * GiB, free * GiB, limit);
        Assert.Equal((DeviceKind.IntegratedGpu, total, expectedFree), (gpu.Kind, gpu.TotalBytes / GiB, gpu.FreeBytes / GiB));
        Assert.Equal(800e9, gpu.BandwidthBytesPerSecond);
    }
}
