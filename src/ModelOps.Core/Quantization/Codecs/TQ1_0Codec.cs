using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// TQ1_0: blocks of 256 in 54 bytes, five ternary digits a byte in qs[48], four in qh[4], and f16 d; y = d · (digit − 1)
/// (quantize_row_tq1_0_ref).
/// </summary>
internal sealed class TQ1_0Codec : IBlockCodec
{
    private const int Bytes = 54;
    private const int ScaleAt = 52;

    /// <summary>The bytes after which each has four digits instead of five.</summary>
    private const int FullBytes = 48;

    /// <summary>Bytes that hold the weights side by side: the first byte of 16, the first weight, and how far the next digit's weight is.</summary>
    private static readonly (int At, int Start, int Stride)[] Runs = [(0, 0, 32), (16, 16, 32), (32, 160, 16)];

    /// <summary>Five digits as a fraction of 3^5 in 256ths, rounded up, so that a reader gets the digits by multiplying.</summary>
    private static readonly byte[] Fractions = [.. Enumerable.Range(0, 243).Select(number => (byte)(((number * 256) + 242) / 243))];

    public GgmlType Type => GgmlType.TQ1_0;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.SuperLength];
        Span<byte> numbers = stackalloc byte[ScaleAt];
        for (; !source.IsEmpty; source = source[Block.SuperLength..], destination = destination[Bytes..])
        {
            Block.WriteF16(destination[ScaleAt..], Ternary.Encode(source[..Block.SuperLength], codes));
            foreach (var (at, start, stride) in Runs)
            {
                var number = Vector128.Create(codes[start..]);
                for (var digit = 1; digit < 5; digit++)
                    number = number + number + number + Vector128.Create(codes[(start + (digit * stride))..]);
                number.CopyTo(numbers[at..]);
            }
            for (var m = 0; m < 4; m++)
                numbers[FullBytes + m] = (byte)(3 * ((27 * codes[240 + m]) + (9 * codes[244 + m]) + (3 * codes[248 + m]) + codes[252 + m]));
            for (var i = 0; i < numbers.Length; i++)
                destination[i] = Fractions[numbers[i]];
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source[ScaleAt..]);
            foreach (var (at, start, stride) in Runs)
            {
                var rest = Vector256.WidenLower(Vector128.Create(source[at..]).ToVector256Unsafe());
                for (var digit = 0; digit < 5; digit++)
                {
                    var tripled = rest + rest + rest;
                    var digits = tripled >> 8;
                    rest = tripled & Vector256.Create((ushort)0xFF);
                    Ternary.Decode(Vector128.Narrow(digits.GetLower(), digits.GetUpper()), d, destination[(start + (digit * stride))..]);
                }
            }
            for (var m = 0; m < 4; m++)
            {
                var rest = source[FullBytes + m];
                for (var digit = 0; digit < 4; digit++, rest = unchecked((byte)(rest * 3)))
                    destination[240 + (4 * digit) + m] = ((rest * 3 >> 8) - 1) * d;
            }
        }
    }
}
