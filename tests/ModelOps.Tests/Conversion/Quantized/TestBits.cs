using System.Collections;
using System.Runtime.InteropServices;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>Bits and numbers as the tests' own writers store them: bit by bit, so that nothing is shared with what is tested.</summary>
internal static class TestBits
{
    public static T[,] Fill<T>(int rows, int columns, Func<int, int, T> value)
    {
        var filled = new T[rows, columns];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
                filled[row, column] = value(row, column);
        }
        return filled;
    }

    /// <summary>Words of a stream of codes, lowest bits first; <paramref name="perWord"/> codes in each, or as a dense stream when it is 0.</summary>
    public static uint[] Pack(IEnumerable<int> codes, int bits, int perWord = 0)
    {
        var stream = new List<bool>();
        var count = 0;
        foreach (var code in codes)
        {
            for (var bit = 0; bit < bits; bit++)
                stream.Add((code >> bit & 1) != 0);
            if (perWord > 0 && ++count % perWord == 0)
                Pad(stream);
        }
        Pad(stream);
        var words = new int[stream.Count / 32];
        new BitArray([.. stream]).CopyTo(words, 0);
        return MemoryMarshal.Cast<int, uint>(words).ToArray();

        static void Pad(List<bool> stream)
        {
            while (stream.Count % 32 != 0)
                stream.Add(false);
        }
    }

    public static IEnumerable<int> Row(int[,] codes, int row) => Enumerable.Range(0, codes.GetLength(1)).Select(column => codes[row, column]);

    public static IEnumerable<int> Column(int[,] codes, int column) => Enumerable.Range(0, codes.GetLength(0)).Select(row => codes[row, column]);

    /// <summary>Rows packed one by one.</summary>
    public static byte[] PackRows(int[,] codes, int bits, int perWord = 0)
        => Bytes([.. Enumerable.Range(0, codes.GetLength(0)).SelectMany(row => Pack(Row(codes, row), bits, perWord))]);

    /// <summary>Columns packed one by one, stored [words of a column, columns].</summary>
    public static byte[] PackColumns(int[,] codes, int bits, int perWord = 0)
    {
        var columns = Enumerable.Range(0, codes.GetLength(1)).Select(column => Pack(Column(codes, column), bits, perWord)).ToList();
        return Bytes([.. Enumerable.Range(0, columns[0].Length).SelectMany(word => columns.Select(column => column[word]))]);
    }

    public static byte[] Bytes(uint[] words) => [.. words.SelectMany(BitConverter.GetBytes)];

    public static byte[] Bytes(float[] numbers) => MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray();

    public static float[] Floats(byte[] bytes) => MemoryMarshal.Cast<byte, float>(bytes).ToArray();

    public static byte[] F16(float[,] numbers) => [.. numbers.Cast<float>().SelectMany(number => BitConverter.GetBytes((Half)number))];

    public static byte[] BF16(float[,] numbers) => [.. numbers.Cast<float>().SelectMany(number => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(number) >> 16)))];

    public static byte[] F32(float[,] numbers) => Bytes([.. numbers.Cast<float>()]);

    public static byte[] I32(params IEnumerable<int> numbers) => [.. numbers.SelectMany(BitConverter.GetBytes)];

    public static byte[] I64(params long[] numbers) => [.. numbers.SelectMany(BitConverter.GetBytes)];

    public static byte[] I8(int[,] codes) => [.. codes.Cast<int>().Select(code => (byte)(sbyte)code)];

    /// <summary>The value of an 8-bit float by the definition: sign, exponent, mantissa.</summary>
    public static float Float8(int bits, int exponentBits)
    {
        var mantissaBits = 7 - exponentBits;
        var bias = (1 << (exponentBits - 1)) - 1;
        var exponent = bits >> mantissaBits & ((1 << exponentBits) - 1);
        var mantissa = (bits & ((1 << mantissaBits) - 1)) / Math.Pow(2, mantissaBits);
        var magnitude = exponent == 0 ? mantissa * Math.Pow(2, 1 - bias) : (1 + mantissa) * Math.Pow(2, exponent - bias);
        return (float)(bits >= 128 ? -magnitude : magnitude);
    }

    /// <summary>The value of a 4-bit float (E2M1).</summary>
    public static float Float4(int code) => (code >= 8 ? -1 : 1) * new[] { 0, 0.5f, 1, 1.5f, 2, 3, 4, 6 }[code & 7];

    /// <summary>An 8-bit float that is a number: neither NaN nor infinite.</summary>
    public static int RandomFloat8(Random random, int exponentBits) => random.Next(exponentBits == 4 ? 0x7F : 0x7C) | (random.Next(2) << 7);

    /// <summary>Two 4-bit codes a byte, the first in the low half.</summary>
    public static byte[] Nibbles(int[,] codes) => [.. codes.Cast<int>().Chunk(2).Select(pair => (byte)(pair[0] | pair[1] << 4))];
}
