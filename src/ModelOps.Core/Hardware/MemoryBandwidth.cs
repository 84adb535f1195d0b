using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ModelOps.Hardware;

/// <summary>Read bandwidth of the main memory, on all cores at once.</summary>
internal static class MemoryBandwidth
{
    // Together larger than the caches of nearly any processor. Where memory is too short for that, the caches have a part in the result.
    private const long TotalBytes = 512L << 20;
    private const int ShareOfFree = 4;
    private const long LeastThreadBytes = 32L << 20;
    private const int ChunkBytes = 4 << 20;
    private const int Rounds = 3;
    private const byte Filling = 1;

    /// <summary>
    /// Bytes a second: the sum over threads of what each reads in the median chunk. A chunk takes less than the scheduler's time slice, so
    /// that other work on the machine stretches few of them.
    /// </summary>
    /// <param name="freeBytes">Free memory, of which a part is taken: what a container does not have must not be asked for.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static double Measure(long freeBytes, CancellationToken cancellationToken)
    {
        var threads = Environment.ProcessorCount;
        var threadBytes = Math.Min(Math.Max(LeastThreadBytes, TotalBytes / threads), freeBytes / ShareOfFree / threads);
        var chunks = (int)Math.Max(1, threadBytes / ChunkBytes);
        var rates = new double[threads];
        Exception? failure = null;
        // Threads of our own: the pool may be busy and would then run them one after another.
        using var ready = new Barrier(threads);
        var running = Enumerable.Range(0, threads).Select(index => new Thread(() =>
        {
            try
            {
                rates[index] = MedianRate(chunks, ready, cancellationToken);
            }
            catch (Exception exception)
            {
                failure = exception;
                // The others wait for all that take part.
                ready.RemoveParticipant();
            }
        })
        { IsBackground = true }).ToList();
        running.ForEach(thread => thread.Start());
        running.ForEach(thread => thread.Join());
        cancellationToken.ThrowIfCancellationRequested();
        return failure is null ? rates.Sum() : throw new ModelOpsException(ErrorKind.Failure, $"The memory's bandwidth could not be measured: {failure.Message}", innerException: failure);
    }

    private static unsafe double MedianRate(int chunks, Barrier ready, CancellationToken cancellationToken)
    {
        var buffer = (byte*)NativeMemory.AlignedAlloc((nuint)chunks * ChunkBytes, 4096);
        try
        {
            // Each thread touches its own pages first: untouched ones are all the same page of zeros, and on the wrong memory node.
            NativeMemory.Fill(buffer, (nuint)chunks * ChunkBytes, Filling);
            ready.SignalAndWait(cancellationToken);
            var ticks = new List<long>(chunks * Rounds);
            for (var chunk = 0; chunk < chunks * Rounds && !cancellationToken.IsCancellationRequested; chunk++)
            {
                var start = Stopwatch.GetTimestamp();
                ReadThrough(buffer + (long)(chunk % chunks) * ChunkBytes);
                ticks.Add(Stopwatch.GetTimestamp() - start);
            }
            cancellationToken.ThrowIfCancellationRequested();
            ticks.Sort();
            return (double)ChunkBytes * Stopwatch.Frequency / Math.Max(1, ticks[ticks.Count / 2]);
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    // The library's own vectorised search: it is fast in a debug build of this assembly too, where a loop of ours would be slower than the
    // memory. It finds nothing and so reads everything.
    private static unsafe void ReadThrough(byte* chunk)
    {
        if (new ReadOnlySpan<byte>(chunk, ChunkBytes).ContainsAnyExcept(Filling))
        {
            throw new InvalidOperationException("The buffer is not as it was filled.");
        }
    }
}
