using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>The 16 values of IQ4_NL and IQ4_XS (kvalues_iq4nl) and which of them is nearest (best_index_int8).</summary>
internal static class NonlinearGrid
{
    private const int Count = 16;

    public static ReadOnlySpan<sbyte> Values => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>
    /// From which number on a value is nearer than the one below it. ggml compares two rounded differences, so this is not always the
    /// middle: it is the least float for which the comparison, which is monotonic, turns.
    /// </summary>
    private static readonly float[] Borders = [.. Enumerable.Range(1, Count - 1).Select(BorderBelow)];

    /// <summary>The nearest value in each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Nearest<T>(T x)
        where T : struct, ILanes<T>
    {
        var borders = Borders;
        var nearest = T.Broadcast(Values[0]);
        for (var i = 0; i < borders.Length; i++)
            nearest = T.Select(T.Greater(T.Broadcast(borders[i]), x), nearest, T.Broadcast(Values[i + 1]));
        return nearest;
    }

    /// <summary>The indices of the values nearest to 32 weights times <paramref name="inverse"/>: element j in the low, j + 16 in the high nibbles.</summary>
    public static void Pack(ReadOnlySpan<float> x, float inverse, Span<byte> nibbles)
    {
        Span<byte> codes = stackalloc byte[Block.Length];
        var vectors = MemoryMarshal.Cast<float, Vector128<float>>(x);
        for (var i = 0; i < vectors.Length; i++)
        {
            var scaled = vectors[i] * inverse;
            var indices = Vector128<int>.Zero;
            foreach (var border in Borders)
                indices -= Vector128.OnesComplement(Vector128.GreaterThan(Vector128.Create(border), scaled).AsInt32());
            BinaryPrimitives.WriteUInt32LittleEndian(codes[(4 * i)..], Vector128.Narrow(Vector128.Narrow(indices, indices).AsUInt16(), Vector128<ushort>.Zero).AsUInt32().ToScalar());
        }
        Block.Pack4(codes, nibbles);
    }

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
