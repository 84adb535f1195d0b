using ModelOps.Quantization;
using ModelOps.Tests.Quantization;

namespace ModelOps.Benchmarks.Quantization;

/// <summary>Compares blocks of one type on every path, on all processors. The width of vectors is the process's, so that one path runs after the other.</summary>
internal sealed class ParityCount(GgmlType type, int seed)
{
    /// <summary>Vectors' lanes: what this process can force.</summary>
    public static readonly int[] Paths = [16, 8, 1];

    private const int PiecesAtOnce = 128;

    private readonly Lock _lock = new();

    /// <summary>What differs first; null when nothing does.</summary>
    public string? Difference { get; private set; }

    /// <summary>Quantises blocks.</summary>
    /// <returns>How many were compared, and how many differ on each of <see cref="Paths"/>.</returns>
    public (long Blocks, long[] Differing) Quantize(long blocks, bool isWeighted) => Run(blocks, first => Quantize(first, isWeighted));

    /// <summary>Dequantises blocks of random bytes.</summary>
    /// <returns>As <see cref="Quantize(long, bool)"/>.</returns>
    public (long Blocks, long[] Differing) Dequantize(long blocks) => Run(blocks, Dequantize);

    private static (long Blocks, long[] Differing) Run(long blocks, Func<int, (long Blocks, long[] Differing)> compare)
    {
        var (compared, differing) = (0L, new long[Paths.Length]);
        var widest = LaneWidth.Widest;
        try
        {
            for (var first = 0; compared < blocks; first += PiecesAtOnce)
            {
                var (some, wrong) = compare(first);
                compared += some;
                for (var path = 0; path < Paths.Length; path++)
                    differing[path] += wrong[path];
            }
        }
        finally
        {
            LaneWidth.Widest = widest;
        }
        return (compared, differing);
    }

    private (long Blocks, long[] Differing) Quantize(int first, bool isWeighted)
    {
        var pieces = new ParityPiece[PiecesAtOnce];
        var expected = new byte[PiecesAtOnce][];
        Parallel.For(0, PiecesAtOnce, i =>
        {
            var piece = pieces[i] = ParityPiece.Make(type, seed, first + i, isWeighted);
            expected[i] = GgmlOracle.Quantize(type, piece.Weights, piece.RowLength, piece.Importance);
        });
        return (pieces.Sum(piece => (long)piece.Weights.Length) / Math.Max(type.BlockLength(), 32), [.. Paths.Select(Differing)]);

        long Differing(int path)
        {
            LaneWidth.Widest = path;
            var differing = 0L;
            Parallel.For(0, PiecesAtOnce, i =>
            {
                var actual = new byte[expected[i].Length];
                TensorQuantizer.Quantize(type, pieces[i].Weights, actual, pieces[i].RowLength, pieces[i].Importance);
                if (!actual.AsSpan().SequenceEqual(expected[i]))
                    Interlocked.Add(ref differing, Count(expected[i], actual, type.BlockBytes(), $"{pieces[i].Kind}{(isWeighted ? " with importance" : "")}, rows of {pieces[i].RowLength}, {path} lanes, seed {seed}, piece {first + i}"));
            });
            return differing;
        }
    }

    private (long Blocks, long[] Differing) Dequantize(int first)
    {
        var blocks = ParityPiece.Blocks(type) * Math.Max(1, 32 / type.BlockLength());
        var encoded = new byte[PiecesAtOnce][];
        var expected = new float[PiecesAtOnce][];
        Parallel.For(0, PiecesAtOnce, i =>
        {
            encoded[i] = new byte[blocks * type.BlockBytes()];
            new Random(unchecked((seed * 31) + first + i)).NextBytes(encoded[i]);
            expected[i] = GgmlOracle.Dequantize(type, encoded[i]);
        });
        return ((long)PiecesAtOnce * ParityPiece.Blocks(type), [.. Paths.Select(Differing)]);

        long Differing(int path)
        {
            LaneWidth.Widest = path;
            var differing = 0L;
            Parallel.For(0, PiecesAtOnce, i =>
            {
                var actual = new float[expected[i].Length];
                TensorQuantizer.Dequantize(type, encoded[i], actual);
                // Nobody promises the payload of a NaN.
                var (theirs, ours) = (expected[i].Select(Bits).ToArray(), actual.Select(Bits).ToArray());
                if (!ours.AsSpan().SequenceEqual(theirs))
                    Interlocked.Add(ref differing, Count(theirs, ours, type.BlockLength(), $"decoded, {path} lanes, seed {seed}, piece {first + i}"));
            });
            return differing;
        }
    }

    private static int Bits(float value) => float.IsNaN(value) ? -1 : BitConverter.SingleToInt32Bits(value);

    private long Count<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, int blockLength, string what)
        where T : IEquatable<T>
    {
        var differing = 0L;
        for (var at = 0; at < expected.Length; at += blockLength)
        {
            if (expected.Slice(at, blockLength).SequenceEqual(actual.Slice(at, blockLength)))
                continue;
            differing++;
            lock (_lock)
                Difference ??= $"{type}, {what}: block {at / blockLength}, place {expected.Slice(at, blockLength).CommonPrefixLength(actual.Slice(at, blockLength))}.";
        }
        return differing;
    }
}
