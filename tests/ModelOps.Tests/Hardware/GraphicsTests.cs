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
