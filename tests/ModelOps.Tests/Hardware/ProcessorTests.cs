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

    /// <summary>An Intel hybrid: two fast cores of two threads each, four slow ones.</summary>
    [Fact]
    public void HybridsTellTheirFastCores()
    {
        using var root = new FakeRoot().Add("sys/devices/cpu_core/cpus", "0-3\n").Add("sys/devices/cpu_atom/cpus", "4-7\n");
        for (var processor = 0; processor < 8; processor++)
        {
            root.Add($"sys/devices/system/cpu/cpu{processor}/topology/core_id", $"{(processor < 4 ? processor / 2 : processor)}\n");
        }
        var topology = new CpuTopology(root.Path);
        Assert.Equal((6, 2), (topology.PhysicalCores(), topology.PerformanceCores()));
        root.Add("proc/self/status", "Cpus_allowed_list:\t2-5\n");
        Assert.Equal((3, 1), (topology.PhysicalCores(), topology.PerformanceCores()));
        root.Add("proc/self/status", "Cpus_allowed_list:\t4-5\n");
        Assert.Equal((2, 0), (topology.PhysicalCores(), topology.PerformanceCores()));
    }

    /// <summary>ARM with three kinds, as phones and some laptops have it: what is above the smallest counts as fast.</summary>
    [Fact]
    public void CapacitiesTellFastCores()
    {
        using var root = new FakeRoot();
        foreach (var (processor, capacity) in new[] { (0, 250), (1, 250), (2, 768), (3, 1024) })
        {
            root.Add($"sys/devices/system/cpu/cpu{processor}/topology/core_id", $"{processor}\n").Add($"sys/devices/system/cpu/cpu{processor}/cpu_capacity", $"{capacity}\n");
        }
        Assert.Equal(2, new CpuTopology(root.Path).PerformanceCores());
        root.Add("sys/devices/system/cpu/cpu2/cpu_capacity", "250\n").Add("sys/devices/system/cpu/cpu3/cpu_capacity", "250\n");
        Assert.Null(new CpuTopology(root.Path).PerformanceCores());
    }

    /// <summary>JOBOBJECT_EXTENDED_LIMIT_INFORMATION as winnt.h lays it out for 64 bits.</summary>
    [Theory]
    [InlineData(0x0, null)]
    [InlineData(0x1, 5L << 30)]
    [InlineData(0x100, 3L << 30)]
    [InlineData(0x200, 4L << 30)]
    [InlineData(0x301, 3L << 30)]
    [InlineData(0x2000, null)]
    public void JobsLimitMemoryByTheirFlags(uint flags, long? expected)
    {
        var record = new byte[WindowsRecords.JobRecordLength];
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(16), flags);
        BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(32), 5L << 30);
        BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(112), 3L << 30);
        BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(120), 4L << 30);
        Assert.Equal(expected, WindowsRecords.JobLimit(record));
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
