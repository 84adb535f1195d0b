using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>Who fetches which chunk next.</summary>
public sealed class ChunkQueueTests
{
    private const int Chunk = 1 << 20;
    private readonly SteppedTime _time = new();

    [Fact]
    public void EveryChunkIsHandedOutOnceInRunsThatGetShorter()
    {
        ChunkQueue queue = New(1000, present: chunk => chunk is 5 or 6 or 500);
        var taken = new List<(int Start, int End)>();
        while (queue.Take(connections: 8) is { } run)
            taken.Add((run.Next, run.End));
        Assert.Equal(Enumerable.Range(0, 1000).Where(chunk => chunk is not (5 or 6 or 500)), taken.SelectMany(run => Enumerable.Range(run.Start, run.End - run.Start)));
        Assert.Equal(16, taken.Max(run => run.End - run.Start));
        Assert.All(taken[^8..], run => Assert.Equal(1, run.End - run.Start));
    }

    [Fact]
    public async Task AskedChunksAreNext()
    {
        ChunkQueue queue = New(100);
        Task asked = queue.AskAsync(70, 72, Stop);
        ChunkRun run = queue.Take(4)!;
        Assert.Equal((70, 72, true), (run.Next, run.End, run.IsAsked));
        Assert.Equal(0, queue.Take(4)!.Next);
        Assert.True(queue.Advance(run));
        Assert.False(asked.IsCompleted);
        Assert.False(queue.Advance(run));
        await asked;
    }

    [Fact]
    public async Task WhoeverAsksLastIsServedFirst()
    {
        ChunkQueue queue = New(100);
        Task first = queue.AskAsync(10, 11, Stop), second = queue.AskAsync(20, 21, Stop);
        ChunkRun run = queue.Take(1)!;
        Assert.Equal(20, run.Next);
        queue.Advance(run);
        await second;
        Assert.False(first.IsCompleted);
        Assert.Equal(10, queue.Take(1)!.Next);
    }

    [Fact]
    public void AskedChunkFarAheadInARunIsTakenFromIt()
    {
        ChunkQueue queue = New(16);
        ChunkRun run = queue.Take(1)!;
        Assert.Equal((0, 8), (run.Next, run.End));
        // What comes soon anyway is left where it is.
        _ = queue.AskAsync(3, 4, Stop);
        Assert.Equal(8, queue.Take(1)!.Next);
        _ = queue.AskAsync(6, 7, Stop);
        ChunkRun asked = queue.Take(1)!;
        Assert.Equal((6, 7, 6), (asked.Next, asked.End, run.End));
        Assert.Equal(7, queue.Take(1)!.Next);
    }

    [Fact]
    public void ARunIsGivenUpForWhatIsAsked()
    {
        ChunkQueue queue = New(100);
        ChunkRun run = queue.Take(1)!;
        Assert.True(queue.Advance(run));
        _ = queue.AskAsync(90, 91, Stop);
        Assert.False(queue.Advance(run));
        Assert.Equal(90, queue.Take(1)!.Next);
        Assert.Equal(2, queue.Take(1)!.Next);
    }

    [Fact]
    public async Task WhatASlowConnectionHasNotBegunIsShared()
    {
        ChunkQueue queue = New(8);
        ChunkRun slow = queue.Take(1)!;
        ChunkRun rest = queue.Take(1)!;
        while (queue.Advance(rest)) { }
        while (queue.Take(1) is { } other && other != slow)
        {
            while (queue.Advance(other)) { }
        }
        Assert.Null(queue.Take(1));
        // Ten KiB in the first two seconds: its chunks would take many minutes.
        slow.Received(10 << 10);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(await queue.HasWorkAsync(Stop));
        int end = slow.End;
        ChunkRun half = queue.Take(1)!;
        Assert.Equal((slow.End, end), (half.Next, half.End));
        Assert.InRange(slow.End, slow.Next + 1, end - 1);
    }

    [Fact]
    public void WhatAFastConnectionHasNotBegunIsLeftToIt()
    {
        ChunkQueue queue = New(8);
        while (queue.Take(1) is { } run)
            run.Received(20 << 20);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(queue.Take(1));
    }

    [Fact]
    public void WhatIsPutBackIsHandedOutAgain()
    {
        ChunkQueue queue = New(100);
        ChunkRun run = queue.Take(1)!;
        queue.Advance(run);
        int end = run.End;
        queue.Release(run);
        queue.Release(run);
        ChunkRun again = queue.Take(1)!;
        Assert.Equal(1, again.Next);
        Assert.True(again.End >= end);
    }

    [Fact]
    public void AStreamTakesAllThatIsMissing()
    {
        ChunkQueue queue = New(10, present: chunk => chunk is 0 or 4);
        ChunkRun stream = queue.TakeStream()!;
        Assert.Equal((1, 10), (stream.Next, stream.End));
        Assert.Null(queue.TakeStream());
        for (int chunk = 1; chunk < 10; chunk++)
            Assert.Equal(chunk < 9, queue.Advance(stream));
        Assert.All(Enumerable.Range(0, 10), chunk => Assert.True(queue.Has(chunk)));
    }

    [Fact]
    public async Task WaitersHearOfTheFailure()
    {
        ChunkQueue queue = New(10);
        Task asked = queue.AskAsync(0, 5, Stop), waiting = queue.WaitAsync(9, Stop);
        queue.Fail(new InvalidOperationException("broken"));
        Assert.Equal("broken", (await Assert.ThrowsAsync<InvalidOperationException>(() => asked)).Message);
        await Assert.ThrowsAsync<InvalidOperationException>(() => waiting);
    }

    [Fact]
    public async Task LostChunkIsWorkAgainUntilAllIsClosed()
    {
        ChunkQueue queue = New(3, present: _ => true);
        Task<bool> work = queue.HasWorkAsync(Stop);
        Assert.False(work.IsCompleted);
        int forgotten = 0;
        Assert.True(queue.Lose(1, () => forgotten++));
        Assert.False(queue.Lose(1, () => forgotten++));
        Assert.Equal(1, forgotten);
        Assert.True(await work);
        queue.Advance(queue.Take(1)!);
        work = queue.HasWorkAsync(Stop);
        queue.Close();
        Assert.False(await work);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private ChunkQueue New(int chunks, Func<int, bool>? present = null)
    {
        var grid = new ChunkGrid((long)chunks * Chunk, Chunk);
        return new ChunkQueue(ChunkRecord.Of("", grid, [.. Enumerable.Range(0, chunks).Select(present ?? (_ => false))], new uint[chunks]), mostBytes: 16 * Chunk, _time);
    }
}
