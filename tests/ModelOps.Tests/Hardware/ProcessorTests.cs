using System.Buffers.Binary;
using ModelOps.Hardware;
using Xunit;

namespace ModelOps.Tests.Hardware;

public class ProcessorTests
{
    // Two cores of two threads each in each of two packages.
    private static readonly string X86 = string.Concat(Enumerable.Range(0, 8).Select(processor =>
        $"processor\t: {processor}\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R)  Platinum 8481C CPU @ 2.70GHz\nphysical id\t: {processor / 4}\ncore id\t\t: {processor % 2}\n\n"));

    [Fact]
    public void X86NamesTheProcessorAndItsCores()
    {
        Assert.Equal("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", CpuInfo.ProcessorName(X86));
        Assert.Equal(4, CpuInfo.PhysicalCores(X86));
    }

    [Fact]
    public void ArmTellsNeither()
    {
        const string Arm = "processor\t: 0\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n";
        Assert.Null(CpuInfo.ProcessorName(Arm));
        Assert.Null(CpuInfo.PhysicalCores(Arm));
    }

    [Fact]
    public void SysfsCountsTheCoresThatMayBeUsed()
    {
        using var root = new FakeRoot().Add("proc/self/status", "Name:\tdotnet\nCpus_allowed:\tff\nCpus_allowed_list:\t0-2,4\n").Add("sys/devices/system/cpu/cpufreq/boost", "1");
        for (var processor = 0; processor < 6; processor++)
        {
            root.Add($"sys/devices/system/cpu/cpu{processor}/topology/core_id", $"{processor / 2}\n").Add($"sys/devices/system/cpu/cpu{processor}/topology/physical_package_id", "0\n");
        }
        Assert.Equal(3, new CpuTopology(root.Path).PhysicalCores());
        root.Add("proc/self/status", "Cpus_allowed_list:\t0-1\n");
        Assert.Equal(1, new CpuTopology(root.Path).PhysicalCores());
    }

    [Fact]
    public void WithoutSysfsThereIsNoCount()
    {
        using var root = new FakeRoot();
        Assert.Null(new CpuTopology(root.Path).PhysicalCores());
    }

    [Theory]
    [InlineData("0-3,8,10-11\n", "0 1 2 3 8 10 11")]
    [InlineData("5", "5")]
    [InlineData("3-1", null)]
    [InlineData("", null)]
    [InlineData("a-b", null)]
    public void ProcessorListsAreTheKernels(string text, string? expected)
        => Assert.Equal(expected, CpuTopology.ParseList(text) is { } numbers ? string.Join(' ', numbers.Order()) : null);

    [Fact]
    public void WindowsRecordsAreWalkedByTheirSize()
    {
        var records = new byte[48 + 32 + 48];
        void Record(int offset, int kind, int size)
        {
            BinaryPrimitives.WriteInt32LittleEndian(records.AsSpan(offset), kind);
            BinaryPrimitives.WriteInt32LittleEndian(records.AsSpan(offset + 4), size);
        }
        Record(0, 0, 48);
        Record(48, 2, 32);
        Record(80, 0, 48);
        Assert.Equal((2, null), WindowsRecords.CountCores(records));
        records[9] = 1;
        Assert.Equal((2, 1), WindowsRecords.CountCores(records));
        Record(80, 0, 4);
        Assert.Null(WindowsRecords.CountCores(records));
        Record(80, 0, 400);
        Assert.Null(WindowsRecords.CountCores(records));
    }
}
