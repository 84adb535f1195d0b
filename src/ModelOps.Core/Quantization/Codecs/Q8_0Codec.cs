using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>Q8_0: blocks of 32 in 34 bytes, f16 d and signed bytes; y = d · q (quantize_row_q8_0_ref).</summary>
internal sealed class Q8_0Codec : IBlockCodec
{
    private const int Bytes = 34;

    public GgmlType Type => GgmlType.Q8_0;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (; !source.IsEmpty; source = source[Block.Length..], destination = destination[Bytes..])
        {
            var scale = MathF.Abs(Block.SignedMaximum(source[..Block.Length])) / 127;
            var inverse = Rounding.Inverse(scale);
            Block.WriteF16(destination, scale);
            if (float.IsFinite(inverse) && Vector256.IsHardwareAccelerated)
            {
                Vector256.Narrow(Vector256.Narrow(Round(source, inverse), Round(source[8..], inverse)), Vector256.Narrow(Round(source[16..], inverse), Round(source[24..], inverse)))
                    .AsByte().CopyTo(destination[2..]);
                continue;
            }
            for (var j = 0; j < Block.Length; j++)
            {
                destination[2 + j] = unchecked((byte)Rounding.RoundToSByte(source[j] * inverse));
            }
        }
    }

    // Half away from zero: adding the float just below a half and truncating is exact for every float, adding a half is not.
    private static Vector256<int> Round(ReadOnlySpan<float> values, float inverse)
    {
        var scaled = Vector256.Create(values[..8]) * inverse;
        return Vector256.ConvertToInt32(scaled + Vector256.CopySign(Vector256.Create(0.49999997f), scaled));
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.Length..])
        {
            var scale = Block.ReadF16(source);
            for (var j = 0; j < Block.Length; j++)
            {
                destination[j] = unchecked((sbyte)source[2 + j]) * scale;
            }
        }
    }
}
