using ModelOps.Hardware;
using Xunit;

namespace ModelOps.Tests.Hardware;

public class ReferenceMachineTests
{
    private const long GiB = 1L << 30;

    [Fact]
    public void EachCouldBeAMachineFile()
    {
        Assert.All(ReferenceMachines.All, machine => Assert.Null(MachineCheck.Fault(machine)));
        Assert.Equal(ReferenceMachines.All.Count, ReferenceMachines.All.Select(machine => machine.Name).Distinct().Count());
        // Every device has a bandwidth and a family, so that speed can be told.
        Assert.All(ReferenceMachines.All.SelectMany(machine => machine.Devices), device => Assert.True(device.BandwidthBytesPerSecond > 0 && device.Family != DeviceFamily.Unknown, device.Name));
    }

    /// <summary>The sizes that were asked for are there: GPUs by their memory, Apple's and processors by theirs.</summary>
    [Fact]
    public void TheSizesOfTheFieldAreThere()
    {
        var cards = ReferenceMachines.All.Where(machine => machine.Devices is [_, { Kind: DeviceKind.Gpu }]).Select(machine => (machine.Devices[1].TotalBytes + GiB / 4) / GiB).Distinct();
        Assert.Equal([8, 12, 16, 24, 32], cards.Order());
        var macs = ReferenceMachines.All.Where(machine => machine.Devices is [_, { Kind: DeviceKind.IntegratedGpu }]).Select(machine => machine.Devices[0].TotalBytes / GiB);
        Assert.Equal([16, 24, 32, 36, 48, 64, 96, 128], macs);
        var processors = ReferenceMachines.All.Where(machine => machine.Devices.Count == 1).Select(machine => machine.Devices[0].TotalBytes / GiB);
        Assert.Equal([16, 32, 64], processors);
    }

    [Fact]
    public void NamesCarryTheSize() => Assert.All(ReferenceMachines.All.Where(machine => machine.Devices.Count == 2),
        machine => Assert.EndsWith($"-{((machine.Devices[1].Kind == DeviceKind.Gpu ? machine.Devices[1] : machine.Devices[0]).TotalBytes + GiB / 4) / GiB}", machine.Name, StringComparison.Ordinal));

    [Theory]
    [InlineData("ref:rtx-4090-24", 1)]
    [InlineData("RTX-4090-24", 1)]
    [InlineData("ref:cpu-*", 3)]
    [InlineData("mac-m4-??", 3)]
    public void PatternsFindThem(string pattern, int count) => Assert.Equal(count, ReferenceMachines.Find(pattern).Count);

    [Fact]
    public void WhatIsNotThereIsAnsweredWithWhatIsClose()
    {
        var error = Assert.Throws<ModelOpsException>(() => ReferenceMachines.Find("ref:rtx-4090"));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("rtx-4090-24", error.Hint, StringComparison.Ordinal);
    }
}
