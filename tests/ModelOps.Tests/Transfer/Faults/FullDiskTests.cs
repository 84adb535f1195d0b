using Xunit;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>A disk that is really full: a small file system in memory.</summary>
public sealed class FullDiskTests
{
    private const int DiskMegabytes = 16;

    /// <summary>The system does not say how much is free, so that the plan cannot refuse before the first byte.</summary>
    [Fact]
    public async Task DiskThatIsTooSmallEndsTheRunAndALargerOneContinues()
    {
        using SmallDisk disk = SmallDisk.Mount(DiskMegabytes);
        await using FaultyDownload download = await FaultyDownload.StartAsync(2 * DiskMegabytes << 20);
        download.Change = options => options with { Directory = disk.Path, Transfer = options.Transfer with { FreeBytes = _ => null } };

        RunOutcome first = await download.RunAsync();
        download.AssertFailed(first, ErrorKind.InsufficientDiskSpace);

        disk.Resize(4 * DiskMegabytes);
        await download.AssertContinuesAsync(first);
    }

    [Fact]
    public async Task DiskThatSomebodyElseFillsEndsTheRunAndRoomContinuesIt()
    {
        using SmallDisk disk = SmallDisk.Mount(DiskMegabytes);
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        download.Change = options => options with { Directory = disk.Path };
        int filled = 0;
        download.Server.Sent = sent =>
        {
            if (sent > download.Model.Bytes / 2 && Interlocked.Exchange(ref filled, 1) == 0)
                disk.Fill();
        };

        RunOutcome first = await download.RunAsync();
        // Who took its room at the start has it.
        if (first.Error is not null)
            download.AssertFailed(first, ErrorKind.InsufficientDiskSpace);

        disk.Empty();
        await download.AssertContinuesAsync(first);
    }

    [Fact]
    public async Task RoomThatIsMissingIsSaidBeforeTheFirstByte()
    {
        using SmallDisk disk = SmallDisk.Mount(DiskMegabytes);
        await using FaultyDownload download = await FaultyDownload.StartAsync(2 * DiskMegabytes << 20);
        download.Change = options => options with { Directory = disk.Path };

        RunOutcome outcome = await download.RunAsync();

        download.AssertFailed(outcome, ErrorKind.InsufficientDiskSpace);
        Assert.Equal(0, outcome.SentBytes);
        Assert.DoesNotContain(download.Server.Requests, request => request.IsResolve);
    }
}
