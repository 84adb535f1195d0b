using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>How many sub-blocks this processor takes at once, and how they are laid side by side.</summary>
internal static class LaneWidth
{
    /// <summary>Weights of the longest sub-block.</summary>
    public const int LongestSubBlock = 32;

    /// <summary>What <see cref="Align"/> needs to spare.</summary>
    public const int Alignment = 64;

    /// <summary>The widest lanes to use: 16, 8 or 1. Tests and benchmarks force the narrower ones.</summary>
    public static int Widest { get; set; } = Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 1;

    /// <summary>The widest that a number of sub-blocks fills.</summary>
    public static int For(int subBlocks) => Widest >= 16 && subBlocks >= 16 ? 16 : Widest >= 8 && subBlocks >= 8 ? 8 : 1;

    /// <summary>
    /// The room for rows of lanes within memory of the stack, which is aligned to 16 bytes only: vectors that cross cache lines are loaded at half the speed.
    /// </summary>
    /// <param name="stack">Memory that does not move, <see cref="Alignment"/> bytes more than the rows take.</param>
    public static unsafe Span<T> Align<T>(Span<byte> stack)
        where T : unmanaged, ILanes<T>
    {
        var ahead = (int)(-(nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(stack)) & (Alignment - 1));
        return MemoryMarshal.Cast<byte, T>(stack.Slice(ahead, stack.Length - Alignment));
    }

    /// <summary>Lays sub-blocks, one a lane, side by side: a column holds the weights of one place in all of them.</summary>
    /// <param name="subBlocks">One after the other, a multiple of 4 weights each.</param>
    /// <param name="columns">As many as a sub-block has weights.</param>
    public static void Transpose<T>(ReadOnlySpan<float> subBlocks, Span<T> columns)
        where T : unmanaged, ILanes<T>
    {
        var to = MemoryMarshal.Cast<T, float>(columns);
        if (T.Count == 1)
        {
            subBlocks[..to.Length].CopyTo(to);
            return;
        }
        var length = columns.Length;
        for (var lane = 0; lane < T.Count; lane += 4)
        {
            var row0 = Vectors(subBlocks.Slice(lane * length, length));
            var row1 = Vectors(subBlocks.Slice((lane + 1) * length, length));
            var row2 = Vectors(subBlocks.Slice((lane + 2) * length, length));
            var row3 = Vectors(subBlocks.Slice((lane + 3) * length, length));
            for (var i = 0; i < row0.Length; i++)
            {
                var (column0, column1, column2, column3) = Square.Transpose(row0[i], row1[i], row2[i], row3[i]);
                var four = to.Slice((4 * i * T.Count) + lane, (3 * T.Count) + 4);
                column0.CopyTo(four);
                column1.CopyTo(four[T.Count..]);
                column2.CopyTo(four[(2 * T.Count)..]);
                column3.CopyTo(four[(3 * T.Count)..]);
            }
        }
    }

    /// <summary>Puts the codes of the lanes one sub-block after the other.</summary>
    /// <param name="columns">Codes of −128 … 255, a multiple of 16 a lane.</param>
    /// <param name="codes">One byte each.</param>
    public static void StoreCodes<T>(ReadOnlySpan<T> columns, Span<byte> codes)
        where T : unmanaged, ILanes<T>
    {
        var from = MemoryMarshal.Cast<T, float>(columns);
        if (T.Count == 1)
        {
            for (var i = 0; i < from.Length; i++)
                codes[i] = (byte)(int)from[i];
            return;
        }
        var length = columns.Length;
        for (var lane = 0; lane < T.Count; lane += 4)
        {
            for (var i = 0; i < length; i += 16)
            {
                var sixteen = from.Slice((i * T.Count) + lane, (15 * T.Count) + 4);
                var (row0, row1, row2, row3) = Square.Transpose(Four<T>(sixteen), Four<T>(sixteen[(4 * T.Count)..]), Four<T>(sixteen[(8 * T.Count)..]), Four<T>(sixteen[(12 * T.Count)..]));
                row0.AsByte().CopyTo(codes[((lane * length) + i)..]);
                row1.AsByte().CopyTo(codes[(((lane + 1) * length) + i)..]);
                row2.AsByte().CopyTo(codes[(((lane + 2) * length) + i)..]);
                row3.AsByte().CopyTo(codes[(((lane + 3) * length) + i)..]);
            }
        }
    }

    /// <summary>The codes of four columns and four lanes: each lane's four bytes in one element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Four<T>(ReadOnlySpan<float> columns)
        where T : unmanaged, ILanes<T>
        => (Byte(columns) | Byte(columns[T.Count..]) << 8 | Byte(columns[(2 * T.Count)..]) << 16 | Byte(columns[(3 * T.Count)..]) << 24).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Byte(ReadOnlySpan<float> codes) => Vector128.ConvertToInt32Native(Vector128.Create(codes)) & Vector128.Create(0xFF);

    private static ReadOnlySpan<Vector128<float>> Vectors(ReadOnlySpan<float> row) => MemoryMarshal.Cast<float, Vector128<float>>(row);
}
