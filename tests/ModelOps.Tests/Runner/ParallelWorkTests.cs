using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Xunit;

namespace ModelOps.Tests.Runner;

/// <summary>Streams of items that are worked on several at once.</summary>
public sealed class ParallelWorkTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(100)]
    public async Task OutcomesComeInTheOrderOfTheItems(int places)
    {
        // The earlier an item, the later it is done, as far as there are places.
        var gates = Enumerable.Range(0, 30).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToList();
        var started = new ConcurrentQueue<int>();
        var outcomes = CollectAsync(ParallelWork.RunAsync(Items(30), async (item, _) =>
        {
            started.Enqueue(item);
            foreach (var gate in started.Count % places == 0 || item == 29 ? started.Reverse().ToList() : [])
            {
                gates[gate].TrySetResult();
            }
            await gates[item].Task;
            return item * 2;
        }, places, ordered: true));

        Assert.Equal(Enumerable.Range(0, 30).Select(item => item * 2), (await outcomes).Select(outcome => outcome.Result));
    }

    [Fact]
    public async Task WithoutOrderEachComesAsItIsDone()
    {
        var first = new TaskCompletionSource();
        var seen = new List<int>();
        await foreach (var outcome in ParallelWork.RunAsync(Items(5), async (item, _) =>
        {
            if (item == 0)
            {
                await first.Task;
            }
            return item;
        }, 2, ordered: false))
        {
            seen.Add(outcome.Item);
            if (seen.Count == 4)
            {
                first.SetResult();
            }
        }
        Assert.Equal([1, 2, 3, 4, 0], seen);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task NoMoreAreUnderWayThanThereArePlaces(bool ordered)
    {
        var (now, most) = (0, 0);
        var outcomes = await CollectAsync(ParallelWork.RunAsync(Items(200), async (item, _) =>
        {
            var here = Interlocked.Increment(ref now);
            InterlockedMax(ref most, here);
            await Task.Yield();
            Interlocked.Decrement(ref now);
            return item;
        }, 4, ordered));
        Assert.Equal(200, outcomes.Count);
        Assert.InRange(most, 1, 4);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnItemThatFailsIsAnOutcome(bool ordered)
    {
        var outcomes = await CollectAsync(ParallelWork.RunAsync(Items(9), (item, _) => item % 3 == 1
            ? Task.FromException<string>(new ModelOpsException(ErrorKind.ContextFull, $"no {item}"))
            : Task.FromResult($"{item}"), 3, ordered));
        Assert.Equal(["no 1", "no 4", "no 7"], outcomes.Where(outcome => outcome.Error is not null).Select(outcome => outcome.Error!.Message).Order());
        Assert.Equal(["0", "2", "3", "5", "6", "8"], outcomes.Where(outcome => outcome.Error is null).Select(outcome => outcome.Result).Order());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ADefectEndsTheStream(bool ordered)
    {
        var (began, ended) = (0, 0);
        await Assert.ThrowsAsync<NotSupportedException>(() => CollectAsync(ParallelWork.RunAsync(Items(50), async (item, stop) =>
        {
            if (item == 3)
            {
                throw new NotSupportedException();
            }
            Interlocked.Increment(ref began);
            try
            {
                await Task.Delay(item < 3 ? TimeSpan.Zero : Timeout.InfiniteTimeSpan, stop);
            }
            finally
            {
                Interlocked.Increment(ref ended);
            }
            return item;
        }, 2, ordered)));
        Assert.InRange(began, 3, 50);
        Assert.Equal(began, ended);
    }

    [Fact]
    public async Task ItemsThatCannotBeReadEndTheStream()
    {
        var seen = new List<int>();
        await Assert.ThrowsAsync<InvalidDataException>(async () =>
        {
            await foreach (var outcome in ParallelWork.RunAsync(Items(5, new InvalidDataException()), (item, _) => Task.FromResult(item), 2, ordered: true))
            {
                seen.Add(outcome.Result);
            }
        });
        Assert.Equal([0, 1, 2, 3, 4], seen);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WhoLeavesEarlyLeavesNothingUnderWay(bool ordered)
    {
        var (began, ended) = (0, 0);
        await foreach (var outcome in ParallelWork.RunAsync(Items(1000), async (item, stop) =>
        {
            Interlocked.Increment(ref began);
            try
            {
                await Task.Delay(item == 0 ? TimeSpan.Zero : Timeout.InfiniteTimeSpan, stop);
                return item;
            }
            finally
            {
                Interlocked.Increment(ref ended);
            }
        }, 8, ordered))
        {
            Assert.Equal(0, outcome.Item);
            break;
        }
        Assert.Equal(began, ended);
        // One may take a place that the end of another has just made free; the thousand are not begun.
        Assert.InRange(began, 1, 100);
    }

    [Fact]
    public async Task CancellingStopsAllOfIt()
    {
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => CollectAsync(ParallelWork.RunAsync(Items(10), async (item, stop) =>
        {
            if (item == 2)
            {
                await cancellation.CancelAsync();
            }
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
            return item;
        }, 3, ordered: true, cancellation.Token)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ItemsAreReadNoFurtherThanThereIsRoomForOutcomes(bool ordered)
    {
        var read = 0;
        await using var outcomes = ParallelWork.RunAsync(Counted(), (item, _) => Task.FromResult(item), 2, ordered).GetAsyncEnumerator();
        Assert.True(await outcomes.MoveNextAsync());
        // The reader rests: the source, which never ends, must too.
        int before;
        do
        {
            before = Volatile.Read(ref read);
            await Task.Delay(100);
        }
        while (before != Volatile.Read(ref read));
        Assert.InRange(before, 1, 100);

        async IAsyncEnumerable<int> Counted([EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                await Task.Yield();
                yield return Interlocked.Increment(ref read);
            }
        }
    }

    private static async IAsyncEnumerable<int> Items(int count, Exception? end = null)
    {
        for (var item = 0; item < count; item++)
        {
            await Task.Yield();
            yield return item;
        }
        if (end is not null)
        {
            throw end;
        }
    }

    private static async Task<List<WorkOutcome<TItem, TResult>>> CollectAsync<TItem, TResult>(IAsyncEnumerable<WorkOutcome<TItem, TResult>> outcomes)
    {
        var list = new List<WorkOutcome<TItem, TResult>>();
        await foreach (var outcome in outcomes)
        {
            list.Add(outcome);
        }
        return list;
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = Volatile.Read(ref target); value > seen;)
        {
            var before = Interlocked.CompareExchange(ref target, value, seen);
            if (before == seen)
            {
                return;
            }
            seen = before;
        }
    }
}
