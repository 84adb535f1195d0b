using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>The number of connections, with servers that are one formula: bytes a second from connections.</summary>
public sealed class ConnectionGateTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);
    private readonly SteppedTime _time = new();

    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(3)]
    public async Task GrowsToTheMostWhileEachBringsMore(int most)
    {
        ConnectionGate gate = await BusyAsync(most);
        Run(gate, TimeSpan.FromSeconds(2), connections => connections * 20e6);
        Assert.Equal(most, gate.Limit);
    }

    [Fact]
    public async Task StaysAtFewWhenMoreBringNothing()
    {
        ConnectionGate gate = await BusyAsync(16);
        long seconds = 0, over = 0;
        for (; seconds < 300; seconds++)
        {
            Run(gate, TimeSpan.FromSeconds(1), _ => 100e6);
            over += gate.Limit > 4 ? 1 : 0;
        }
        Assert.InRange(gate.Limit, 1, 5);
        // It tries a few more now and then, ever more rarely.
        Assert.InRange(over, 1, 40);
    }

    [Fact]
    public async Task FindsWhereALineIsFull()
    {
        ConnectionGate gate = await BusyAsync(64);
        Run(gate, TimeSpan.FromSeconds(30), connections => Math.Min(connections * 10e6, 160e6));
        Assert.InRange(gate.Limit, 16, 20);
    }

    [Fact]
    public async Task FollowsALineThatGetsFaster()
    {
        ConnectionGate gate = await BusyAsync(16);
        Run(gate, TimeSpan.FromSeconds(60), _ => 100e6);
        Assert.InRange(gate.Limit, 1, 5);
        Run(gate, TimeSpan.FromMinutes(3), connections => connections * 50e6);
        Assert.Equal(16, gate.Limit);
    }

    [Fact]
    public async Task HalvesOnceForOneRefusalOfAll()
    {
        ConnectionGate gate = await BusyAsync(16);
        Run(gate, TimeSpan.FromSeconds(2), connections => connections * 20e6);
        for (int i = 0; i < 16; i++)
            gate.Refused();
        Assert.Equal(8, gate.Limit);
        for (int i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            gate.Refused();
        }
        Assert.Equal(1, gate.Limit);
        // And comes back when the server has recovered.
        Run(gate, TimeSpan.FromMinutes(1), connections => connections * 20e6);
        Assert.Equal(16, gate.Limit);
    }

    [Fact]
    public async Task LetsInAsManyAsTheLimitInTheOrderTheyCame()
    {
        var gate = new ConnectionGate(2, _time);
        using var stop = new CancellationTokenSource();
        Task[] entries = [.. Enumerable.Range(0, 5).Select(i => gate.EnterAsync(i == 2 ? stop.Token : TestContext.Current.CancellationToken))];
        Assert.Equal([true, true, false, false, false], entries.Select(entry => entry.IsCompleted));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => entries[2]);
        gate.Leave();
        await entries[3];
        Assert.False(entries[4].IsCompleted);
        gate.Leave();
        await entries[4];
        gate.Leave();
        gate.Leave();
        await gate.EnterAsync(TestContext.Current.CancellationToken);
        await gate.EnterAsync(TestContext.Current.CancellationToken);
        Assert.False(gate.EnterAsync(TestContext.Current.CancellationToken).IsCompleted);
    }

    /// <summary>A gate that more want to pass than it lets.</summary>
    private async Task<ConnectionGate> BusyAsync(int most)
    {
        var gate = new ConnectionGate(most, _time);
        for (int i = 0; i < most; i++)
            _ = gate.EnterAsync(TestContext.Current.CancellationToken);
        await Task.Yield();
        return gate;
    }

    private void Run(ConnectionGate gate, TimeSpan duration, Func<int, double> bytesPerSecond)
    {
        for (TimeSpan end = _time.Now + duration; _time.Now < end;)
        {
            _time.Advance(Step);
            gate.Received((int)(bytesPerSecond(gate.Limit) * Step.TotalSeconds));
        }
    }
}
