using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>How many sub-blocks this processor takes at once, and how they are laid side by side.</summary>
internal static class LaneWidth
{
    /// <summary>Weights of the longest sub-block.</summary>
    public const int LongestSubBlock = 32;

    /// <summary>The widest lanes to use: 16, 8 or 1. Tests and benchmarks force the narrower ones.</summary>
    public static int Widest { get; set; } = Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 1;

    /// <summary>The widest that a number of sub-blocks fills.</summary>
    public static int For(int subBlocks) => Widest >= 16 && subBlocks >= 16 ? 16 : Widest >= 8 && subBlocks >= 8 ? 8 : 1;

    /// <summary>Lays sub-blocks, one a lane, side by side: a column holds the weights of one place in all of them.</summary>
    public static void Transpose<T>(ReadOnlySpan<float> subBlocks, Span<T> columns)
        where T : unmanaged, ILanes<T>
    {
        var to = MemoryMarshal.Cast<T, float>(columns);
        for (var lane = 0; lane < T.Count; lane++)
        {
            var row = subBlocks.Slice(lane * columns.Length, columns.Length);
            for (var i = 0; i < row.Length; i++)
                to[(i * T.Count) + lane] = row[i];
        }
    }

    /// <summary>Puts the codes of the lanes one sub-block after the other.</summary>
    public static void StoreCodes<T>(ReadOnlySpan<T> columns, Span<byte> codes)
        where T : unmanaged, ILanes<T>
    {
        var from = MemoryMarshal.Cast<T, float>(columns);
        for (var lane = 0; lane < T.Count; lane++)
        {
            var to = codes.Slice(lane * columns.Length, columns.Length);
            for (var i = 0; i < to.Length; i++)
                to[i] = (byte)(int)from[(i * T.Count) + lane];
        }
    }
}
