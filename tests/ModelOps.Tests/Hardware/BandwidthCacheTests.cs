using ModelOps.Hardware;
using Xunit;

namespace ModelOps.Tests.Hardware;

public sealed class BandwidthCacheTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"modelops-cache-{Guid.NewGuid():n}", "deep");
    private readonly Clock _clock = new();

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        public override DateTimeOffset GetUtcNow() => Now;
    }

    public void Dispose()
    {
        if (Directory.Exists(Path.GetDirectoryName(_folder)))
        {
            Directory.Delete(Path.GetDirectoryName(_folder)!, recursive: true);
        }
    }

    private BandwidthCache Cache => new(_folder, _clock);

    private static Machine Unmeasured => ReferenceMachines.Find("cpu-16")[0] is var machine ? machine with { Devices = [machine.Devices[0] with { BandwidthBytesPerSecond = null }] } : null!;

    [Fact]
    public void WhatWasMeasuredIsKeptForThisMachineOnly()
    {
        Assert.Null(Cache.Find(Unmeasured));
        Cache.Keep(Unmeasured, 42e9);
        Assert.Equal(42e9, Cache.Find(Unmeasured));
        Assert.Null(Cache.Find(Unmeasured with { Processor = "another" }));
        Assert.Null(Cache.Find(Unmeasured with { LogicalProcessors = 2, PhysicalCores = 2 }));
        Assert.Null(Cache.Find(Unmeasured with { Devices = [Unmeasured.Devices[0] with { TotalBytes = 1L << 40 }] }));
        // Free memory changes all the time and says nothing of its speed.
        Assert.Equal(42e9, Cache.Find(Unmeasured with { Devices = [Unmeasured.Devices[0] with { FreeBytes = 1 }] }));
    }

    [Fact]
    public void AMeasurementGrowsOld()
    {
        Cache.Keep(Unmeasured, 42e9);
        _clock.Now += TimeSpan.FromDays(29);
        Assert.NotNull(Cache.Find(Unmeasured));
        _clock.Now += TimeSpan.FromDays(2);
        Assert.Null(Cache.Find(Unmeasured));
        // A clock that was set back.
        _clock.Now -= TimeSpan.FromDays(60);
        Assert.Null(Cache.Find(Unmeasured));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("""{"Key":null,"BytesPerSecond":1e9}""")]
    public void WhatIsNoMeasurementIsWrittenOver(string text)
    {
        Directory.CreateDirectory(_folder);
        File.WriteAllText(Path.Combine(_folder, "memory-bandwidth.json"), text);
        Assert.Null(Cache.Find(Unmeasured));
        Cache.Keep(Unmeasured, 42e9);
        Assert.Equal(42e9, Cache.Find(Unmeasured));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public void AFitTakesWhatIsKeptAndMeasuringDoesNot()
    {
        Cache.Keep(Unmeasured, 42e9);
        Assert.Equal(42e9, HardwareInventory.WithBandwidth(Unmeasured, Cache, measureAnew: false, CancellationToken.None).Devices[0].BandwidthBytesPerSecond);
        var measured = HardwareInventory.WithBandwidth(Unmeasured, Cache, measureAnew: true, CancellationToken.None).Devices[0].BandwidthBytesPerSecond;
        Assert.NotEqual(42e9, measured);
        Assert.Equal(measured, Cache.Find(Unmeasured));
    }

    [Fact]
    public void WithoutAPlaceItIsMeasuredAndNothingFails()
    {
        var file = Path.GetTempFileName();
        try
        {
            var nowhere = new BandwidthCache(Path.Combine(file, "folder"), _clock);
            Assert.NotNull(HardwareInventory.WithBandwidth(Unmeasured, nowhere, measureAnew: false, CancellationToken.None).Devices[0].BandwidthBytesPerSecond);
            Assert.Null(nowhere.Find(Unmeasured));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void TheFolderIsTheUsersCache()
    {
        var root = Path.GetTempPath();
        Assert.Equal(Path.Combine(root, "modelops"), UserCache.Directory(name => name == "XDG_CACHE_HOME" ? root : null));
        Assert.True(Path.IsPathFullyQualified(UserCache.Directory(_ => null)!));
        // The specification has relative paths passed over.
        Assert.Equal(UserCache.Directory(_ => null), UserCache.Directory(_ => "relative"));
    }
}
