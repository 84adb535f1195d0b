using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;

namespace ModelOps.Hardware;

/// <summary>Read bandwidth of the main memory, on all cores at once.</summary>
internal static class MemoryBandwidth
{
    // Together larger than the caches of any processor, small enough to be had on any machine that runs models.
    private const long TotalBytes = 512L << 20;
    private const long LeastThreadBytes = 32L << 20;
    private const int Rounds = 3;

    /// <summary>Bytes a second of the best of a few rounds: other work on the machine can only make it look slower.</summary>
    public static double Measure(CancellationToken cancellationToken)
    {
        var threads = Environment.ProcessorCount;
        var bytes = (nuint)Math.Max(LeastThreadBytes, TotalBytes / threads);
        var buffers = new List<nint>();
        try
        {
            for (var thread = 0; thread < threads; thread++)
            {
                buffers.Add(Allocate(bytes));
            }
            // Each thread touches its own pages first: untouched ones are all the same page of zeros, and on the wrong memory node.
            Run(buffers, buffer => Fill(buffer, bytes));
            var best = TimeSpan.MaxValue;
            for (var round = 0; round < Rounds; round++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var start = Stopwatch.GetTimestamp();
                Run(buffers, buffer => Sum(buffer, bytes));
                var elapsed = Stopwatch.GetElapsedTime(start);
                best = elapsed < best ? elapsed : best;
            }
            return (double)bytes * threads / best.TotalSeconds;
        }
        finally
        {
            buffers.ForEach(Free);
        }
    }

    private static unsafe nint Allocate(nuint bytes) => (nint)NativeMemory.AlignedAlloc(bytes, 4096);

    private static unsafe void Free(nint buffer) => NativeMemory.AlignedFree((void*)buffer);

    private static unsafe void Fill(nint buffer, nuint bytes) => NativeMemory.Fill((void*)buffer, bytes, 1);

    private static void Run(IReadOnlyList<nint> buffers, Action<nint> work)
    {
        // Threads of our own: the pool may be busy and would then run them one after another.
        var threads = buffers.Select(buffer => new Thread(() => work(buffer)) { IsBackground = true }).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
    }

    private static long _sink;

    private static unsafe void Sum(nint buffer, nuint bytes)
    {
        var vectors = (Vector<long>*)buffer;
        var count = (long)(bytes / (nuint)sizeof(Vector<long>));
        // Four chains of additions, so that the loads and not the latency of adding set the pace.
        Vector<long> a = default, b = default, c = default, d = default;
        for (long index = 0; index + 4 <= count; index += 4)
        {
            a += vectors[index];
            b += vectors[index + 1];
            c += vectors[index + 2];
            d += vectors[index + 3];
        }
        // Written out so that the loop cannot be optimised away.
        Interlocked.Add(ref _sink, Vector.Sum(a + b + c + d));
    }
}
