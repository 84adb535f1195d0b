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
            var scale = Block.Magnitude(source[..Block.Length]) / 127;
            Block.WriteF16(destination, scale);
            BlockCodes.Round(source[..Block.Length], Rounding.Inverse(scale), destination[2..]);
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.Length..])
        {
            var scale = Block.ReadF16(source);
            ScaledCodes.Write(Vector128.Create(source[2..]).AsSByte(), scale, destination);
            ScaledCodes.Write(Vector128.Create(source[18..]).AsSByte(), scale, destination[16..]);
        }
    }
}
