using System.Diagnostics;
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

    private sealed class SmallDisk : IDisposable
    {
        private SmallDisk(string path) => Path = path;

        public string Path { get; }

        private string Filler => System.IO.Path.Combine(Path, "filler");

        public static SmallDisk Mount(int megabytes)
        {
            Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "A file system in memory is mounted by root on Linux only.");
            var disk = new SmallDisk(Directory.CreateTempSubdirectory("modelops-disk-").FullName);
            bool mounted = Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", disk.Path);
            Assert.SkipUnless(mounted, "Mounting a file system in memory is not allowed here.");
            return disk;
        }

        public void Resize(int megabytes) => Assert.True(Run("mount", "-o", $"remount,size={megabytes}m", Path));

        /// <summary>Takes all room that is left.</summary>
        public void Fill()
        {
            using FileStream filler = new(Filler, FileMode.Create, FileAccess.Write, FileShare.None, 0);
            byte[] block = new byte[4096];
            try
            {
                while (true)
                    filler.Write(block);
            }
            catch (IOException)
            {
                // Full, as it should be.
            }
        }

        public void Empty() => File.Delete(Filler);

        public void Dispose()
        {
            Run("umount", "--lazy", Path);
            Directory.Delete(Path, recursive: true);
        }

        private static bool Run(string program, params string[] args)
        {
            using Process process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
    }
}
