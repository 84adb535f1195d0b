using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// The 16 values of IQ4_NL and IQ4_XS (kvalues_iq4nl) and which of them is nearest (best_index_int8). The line is cut into 32 cells so short
/// that at most one border between two values lies in each, and no border near a cell's end: the cell of a number, one comparison with its
/// border, and the nearest value is known.
/// </summary>
internal static class NonlinearGrid
{
    /// <summary>The least value.</summary>
    public const float Least = -127;

    private const int Count = 16;
    private const int Cells = 32;
    private const float CellLength = 10;

    /// <summary>Cells from here on, and down to minus here, hold no border.</summary>
    private const float Edge = 130;

    private static ReadOnlySpan<sbyte> Values => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>
    /// From which number on a value is nearer than the one below it. ggml compares two rounded differences, so this is not always the
    /// middle: it is the least float for which the comparison, which is monotonic, turns.
    /// </summary>
    private static readonly float[] AllBorders = [.. Enumerable.Range(1, Count - 1).Select(BorderBelow)];

    private static readonly float[] CellBorders = [.. Enumerable.Range(0, Cells).Select(cell => AllBorders.FirstOrDefault(border => Cell(border) == cell, float.PositiveInfinity))];
    private static readonly float[] CellIndices = [.. Enumerable.Range(0, Cells).Select(cell => (float)AllBorders.Count(border => Cell(border) < cell))];
    private static readonly float[] CellValues = [.. CellIndices.Select(index => (float)Values[(int)index])];

    /// <summary>The border in each cell, infinite where there is none.</summary>
    public static ReadOnlySpan<float> Borders => CellBorders;

    /// <summary>The nearest value of each cell's numbers below its border, and so of those above the border of the cell before it.</summary>
    public static ReadOnlySpan<float> Nearest => CellValues;

    /// <summary>The values of 16 codes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Value(Vector128<byte> codes) => Vector128.Shuffle(Vector128.Create(Values), codes.AsSByte());

    /// <summary>The nearest value of each lane; for −150 … 150.</summary>
    /// <param name="x">The numbers.</param>
    /// <param name="borders"><see cref="Borders"/>.</param>
    /// <param name="values"><see cref="Nearest"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Find<T>(T x, ReadOnlySpan<float> borders, ReadOnlySpan<float> values)
        where T : struct, ILanes<T>
        => Find(x, x, borders, values);

    /// <summary>The indices of the values nearest to 32 weights times <paramref name="inverse"/>: element j in the low, j + 16 in the high nibbles.</summary>
    public static void Pack(ReadOnlySpan<float> x, float inverse, Span<byte> nibbles)
    {
        Span<byte> codes = stackalloc byte[Block.Length];
        switch (LaneWidth.Widest)
        {
            case >= 16:
                Encode<Lanes16>(x, inverse, codes);
                break;
            case >= 8:
                Encode<Lanes8>(x, inverse, codes);
                break;
            default:
                Encode<Lanes1>(x, inverse, codes);
                break;
        }
        Block.Pack4(codes, nibbles);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Encode<T>(ReadOnlySpan<float> x, float inverse, Span<byte> codes)
        where T : struct, ILanes<T>
    {
        var inverses = T.Broadcast(inverse);
        for (var i = 0; i < Block.Length; i += T.Count)
        {
            var scaled = T.Load(x[i..]) * inverses;
            // What is no number becomes the right operand here, and counts as the largest, as in ggml.
            var within = T.Max(T.Min(scaled, T.Broadcast(Edge)), T.Broadcast(-Edge));
            Find(scaled, within, CellBorders, CellIndices).StoreBytes(codes[i..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Find<T>(T x, T within, ReadOnlySpan<float> borders, ReadOnlySpan<float> table)
        where T : struct, ILanes<T>
    {
        // The sum's low bits are the cell.
        var cell = (within * T.Broadcast(1 / CellLength)) + T.Broadcast(Rounding.NearestMagic + (Cells / 2));
        return T.Lookup(table, T.SelectGreater(T.Lookup(borders, cell), x, cell, cell + T.Broadcast(1)));
    }

    private static int Cell(float x) => (int)MathF.Round(x / CellLength) + (Cells / 2);

    private static float BorderBelow(int index)
    {
        var (low, high) = ((float)Values[index - 1], (float)Values[index]);
        // Halves the floats between them, in their order.
        var (from, to) = (Ordered(low), Ordered(high));
        while (to - from > 1)
        {
            var middle = from + ((to - from) / 2);
            var x = Unordered(middle);
            if (x - low < high - x)
                from = middle;
            else
                to = middle;
        }
        return Unordered(to);
    }

    private static long Ordered(float value) => BitConverter.SingleToInt32Bits(value) is var bits && bits >= 0 ? bits : -(long)(bits & int.MaxValue);

    private static float Unordered(long order) => order >= 0 ? BitConverter.Int32BitsToSingle((int)order) : -BitConverter.Int32BitsToSingle((int)-order);
}
