using ModelOps.Tests.Store;
using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>What is reported of a download.</summary>
public sealed class TransferMeterTests
{
    private readonly SteppedTime _time = new();
    private readonly Reports _reports = new();

    private TransferProgress Last => _reports.All[^1];

    [Fact]
    public void SpeedAndTimeLeftAreThoseOfTheLastSeconds()
    {
        TransferMeter meter = New(100_000_000);
        meter.AddPresent("f", 10_000_000);
        Assert.Equal((0d, (TimeSpan?)null), (Last.BytesPerSecond, Last.Remaining));
        Fetch(meter, seconds: 4, perSecond: 10_000_000);
        Assert.Equal(10_000_000, Last.BytesPerSecond, 0.01);
        Assert.Equal(TimeSpan.FromSeconds(5), Last.Remaining);
        Fetch(meter, seconds: 10, perSecond: 1_000_000);
        Assert.Equal(1_000_000, Last.BytesPerSecond, 0.01);
        Assert.Equal((60_000_000, TimeSpan.FromSeconds(40)), (Last.BytesDone, Last.Remaining));
    }

    [Fact]
    public void ReportsAreNotTooOften()
    {
        var meter = new TransferMeter(_reports, 1000, TimeSpan.FromMilliseconds(100), _time);
        for (int i = 0; i < 1000; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(1));
            meter.AddFetched("f", 1);
        }
        Assert.InRange(_reports.All.Count, 9, 11);
        meter.Finish("f");
        Assert.Equal(1000, Last.BytesDone);
    }

    [Fact]
    public void WhatAnotherProcessFetchesCountsWhileItIsWaitedFor()
    {
        TransferMeter meter = New(100);
        meter.SetElsewhere("f", 40);
        Assert.Equal((40, true), (Last.BytesDone, Last.IsElsewhere));
        _time.Advance(TimeSpan.FromSeconds(1));
        meter.SetElsewhere("f", 60);
        Assert.Equal((60, 20d, TimeSpan.FromSeconds(2)), (Last.BytesDone, Last.BytesPerSecond, Last.Remaining));
        // It was killed: what it left is counted by the download that goes on from it.
        meter.SetElsewhere("f", null);
        meter.AddPresent("f", 60);
        Assert.Equal((60, false), (Last.BytesDone, Last.IsElsewhere));
    }

    private TransferMeter New(long bytes) => new(_reports, bytes, TimeSpan.Zero, _time);

    private void Fetch(TransferMeter meter, int seconds, int perSecond)
    {
        for (int i = 0; i < seconds * 10; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            meter.AddFetched("f", perSecond / 10);
        }
    }
}
