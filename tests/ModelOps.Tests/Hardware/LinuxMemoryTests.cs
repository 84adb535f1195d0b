using ModelOps.Hardware;
using Xunit;

namespace ModelOps.Tests.Hardware;

public class LinuxMemoryTests
{
    private const long GiB = 1L << 30;

    [Fact]
    public void MemInfoTellsTotalAndAvailable()
    {
        var memory = MemoryInfo.Parse("MemTotal:       32768000 kB\nMemFree:         1000000 kB\nMemAvailable:   20480000 kB\nHugePages_Total:       0\n");
        Assert.Equal(new MemoryInfo(32768000L * 1024, 20480000L * 1024), memory);
    }

    [Fact]
    public void OldKernelsAvailableMemoryIsAddedUp()
        => Assert.Equal(new MemoryInfo(8000L * 1024, 4500L * 1024), MemoryInfo.Parse("MemTotal: 8000 kB\nMemFree: 1000 kB\nBuffers: 500 kB\nCached: 3000 kB\nSwapCached: 77 kB\n"));

    [Theory]
    [InlineData("")]
    [InlineData("MemTotal: lots\n")]
    public void MemInfoWithoutTotalIsNone(string text) => Assert.Null(MemoryInfo.Parse(text));

    [Fact]
    public void Version2LimitLeavesWhatIsNotUsedOrReclaimable()
    {
        using var root = new FakeRoot()
            .Add("proc/self/cgroup", "0::/system.slice/job.service\n")
            .Add("sys/fs/cgroup/system.slice/job.service/memory.max", "8589934592\n")
            .Add("sys/fs/cgroup/system.slice/job.service/memory.current", "5368709120\n")
            .Add("sys/fs/cgroup/system.slice/job.service/memory.stat", "anon 3221225472\nfile 2147483648\ninactive_file 2147483648\n");
        Assert.Equal((8 * GiB, 5 * GiB), new ControlGroup(root.Path).Read());
    }

    [Fact]
    public void TheParentsTighterLimitCounts()
    {
        using var root = new FakeRoot()
            .Add("proc/self/cgroup", "0::/a/b\n")
            .Add("sys/fs/cgroup/a/b/memory.max", "max\n")
            .Add("sys/fs/cgroup/a/b/memory.current", "100\n")
            .Add("sys/fs/cgroup/a/memory.max", "4294967296\n")
            .Add("sys/fs/cgroup/a/memory.current", "1073741824\n");
        Assert.Equal((4 * GiB, 3 * GiB), new ControlGroup(root.Path).Read());
    }

    [Theory]
    [InlineData("0::/../../docker/abc\n")]
    [InlineData("0::/docker/not-mounted-here\n")]
    [InlineData("0::/\n")]
    public void InAContainerTheLimitLiesAtTheRoot(string group)
    {
        using var root = new FakeRoot().Add("proc/self/cgroup", group).Add("sys/fs/cgroup/memory.max", "2147483648\n").Add("sys/fs/cgroup/memory.current", "1073741824\n");
        Assert.Equal((2 * GiB, GiB), new ControlGroup(root.Path).Read());
    }

    [Fact]
    public void Version1IsReadToo()
    {
        using var root = new FakeRoot()
            .Add("proc/self/cgroup", "12:cpu,cpuacct:/x\n5:memory:/docker/abc\n0::/\n")
            .Add("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "3221225472\n")
            .Add("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "2147483648\n")
            .Add("sys/fs/cgroup/memory/docker/abc/memory.stat", "inactive_file 1\ntotal_inactive_file 1073741824\n")
            .Add("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        Assert.Equal((3 * GiB, 2 * GiB), new ControlGroup(root.Path).Read());
    }

    [Fact]
    public void AGroupThatIsSlowedDownAboveAMarkIsLimitedByIt()
    {
        using var root = new FakeRoot()
            .Add("proc/self/cgroup", "0::/user.slice\n")
            .Add("sys/fs/cgroup/user.slice/memory.max", "8589934592\n")
            .Add("sys/fs/cgroup/user.slice/memory.high", "4294967296\n")
            .Add("sys/fs/cgroup/user.slice/memory.current", "1073741824\n")
            .Add("sys/fs/cgroup/user.slice/memory.swap.max", "17179869184\n");
        Assert.Equal((4 * GiB, 3 * GiB), new ControlGroup(root.Path).Read());
    }

    /// <summary>Memory and swap together are limited to 3 GiB, of which 2.5 are in use: half a gigabyte is left, whatever memory alone has.</summary>
    [Fact]
    public void MemoryAndSwapTogetherMayBeTheFullerLimit()
    {
        using var root = new FakeRoot()
            .Add("proc/self/cgroup", "5:memory:/x\n")
            .Add("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "3221225472\n")
            .Add("sys/fs/cgroup/memory/x/memory.usage_in_bytes", "1073741824\n")
            .Add("sys/fs/cgroup/memory/x/memory.memsw.limit_in_bytes", "3221225472\n")
            .Add("sys/fs/cgroup/memory/x/memory.memsw.usage_in_bytes", "2684354560\n");
        Assert.Equal((3 * GiB, GiB / 2), new ControlGroup(root.Path).Read());
    }

    [Fact]
    public void AGroupAboveTheContainerLimitsByItsStatistic()
    {
        using var root = new FakeRoot()
            .Add("proc/self/cgroup", "5:memory:/docker/abc\n")
            .Add("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
            .Add("sys/fs/cgroup/memory/memory.usage_in_bytes", "1073741824\n")
            .Add("sys/fs/cgroup/memory/memory.stat", "hierarchical_memory_limit 2147483648\n");
        Assert.Equal((2 * GiB, GiB), new ControlGroup(root.Path).Read());
    }

    [Theory]
    [InlineData("0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max", "max 100000\n", "sys/fs/cgroup/a/cpu.max", "150000 100000\n", 1.5)]
    [InlineData("0::/a\n", "sys/fs/cgroup/a/cpu.max", "400000 100000\n", "sys/fs/cgroup/cpu.max", "800000 100000\n", 4.0)]
    [InlineData("3:cpu,cpuacct:/x\n", "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "50000\n", "sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n", 0.5)]
    [InlineData("3:cpu:/x\n", "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n", "sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n", null)]
    [InlineData("0::/\n", "sys/fs/cgroup/cpu.max", "max 100000\n", "sys/fs/cgroup/unrelated", "", null)]
    public void TheTightestQuotaOfProcessorsCounts(string groups, string first, string firstText, string second, string secondText, double? expected)
    {
        using var root = new FakeRoot().Add("proc/self/cgroup", groups).Add(first, firstText).Add(second, secondText);
        Assert.Equal(expected, new ControlGroup(root.Path).ProcessorQuota());
    }

    [Theory]
    [InlineData("max\n")]
    [InlineData("9223372036854771712\n")]
    public void NoLimitIsNone(string limit)
    {
        using var root = new FakeRoot().Add("proc/self/cgroup", "0::/\n").Add("sys/fs/cgroup/memory.max", limit);
        Assert.Null(new ControlGroup(root.Path).Read());
    }

    [Fact]
    public void TheMachineIsCutToItsContainer()
    {
        using var root = new FakeRoot()
            .Add("proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 33554432 kB\n")
            .Add("proc/cpuinfo", "processor\t: 0\nmodel name\t: AMD   EPYC 9654\nphysical id\t: 0\ncore id\t\t: 0\n")
            .Add("proc/sys/kernel/osrelease", "6.1.0-test\n")
            .Add("etc/os-release", "NAME=Debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")
            .Add("sys/fs/cgroup/memory.max", "17179869184\n")
            .Add("sys/fs/cgroup/memory.current", "1073741824\n");
        var facts = new LinuxSystem(root.Path).Read();
        Assert.Equal((16 * GiB, 15 * GiB), (facts.MemoryBytes, facts.FreeMemoryBytes));
        Assert.Equal(("AMD EPYC 9654", 1, "Debian GNU/Linux 12 (bookworm) (Linux 6.1.0-test)"), (facts.Processor, facts.PhysicalCores, facts.OperatingSystem));
    }

    [Fact]
    public void AMachineWithoutMemInfoIsAnError()
    {
        using var root = new FakeRoot();
        Assert.Equal(ErrorKind.Failure, Assert.Throws<ModelOpsException>(() => new LinuxSystem(root.Path).Read()).Kind);
    }
}
