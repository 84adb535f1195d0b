using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// NVFP4: blocks of 64 in 36 bytes, four unsigned E4M3 scales and 4-bit floats, 16 a scale; y = scale / 2 · doubled value
/// (quantize_row_nvfp4_ref).
/// </summary>
internal sealed class NvFp4Codec : IBlockCodec
{
    private const int BlockLength = NvFp4Packing.GroupLength * NvFp4Packing.GroupsPerBlock;
    private const float LargestValue = 6;
    private const byte LargestScale = 0x7E;
    private const byte NotANumber = 0x7F;

    private static readonly float[] HalfScales = [.. Enumerable.Range(0, 256).Select(scale => HalfScale((byte)scale))];

    public GgmlType Type => GgmlType.NVFP4;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[NvFp4Packing.GroupLength];
        for (; !source.IsEmpty; source = source[BlockLength..], destination = destination[NvFp4Packing.BlockBytes..])
        {
            for (var group = 0; group < NvFp4Packing.GroupsPerBlock; group++)
            {
                var x = source.Slice(group * NvFp4Packing.GroupLength, NvFp4Packing.GroupLength);
                var magnitude = Block.Magnitude(x);
                destination[group] = ToScale(magnitude / LargestValue);
                Fp4Codes.Encode(x, magnitude, HalfScales[destination[group]], codes);
                var (low, high) = (BinaryPrimitives.ReadUInt64LittleEndian(codes), BinaryPrimitives.ReadUInt64LittleEndian(codes[8..]));
                BinaryPrimitives.WriteUInt64LittleEndian(destination[(NvFp4Packing.GroupsPerBlock + (8 * group))..], low | high << 4);
            }
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[NvFp4Packing.BlockBytes..], destination = destination[BlockLength..])
        {
            for (var group = 0; group < NvFp4Packing.GroupsPerBlock; group++)
            {
                var packed = BinaryPrimitives.ReadUInt64LittleEndian(source[(NvFp4Packing.GroupsPerBlock + (8 * group))..]);
                var codes = Vector128.Create(packed, packed >> 4).AsByte() & Vector128.Create((byte)0x0F);
                ScaledCodes.Write(Fp4Codes.DoubledValue(codes), HalfScales[source[group]], destination[(NvFp4Packing.GroupLength * group)..]);
            }
        }
    }

    /// <summary>Half of ggml_ue4m3_to_fp32: the sign is not looked at, and what is no number in E4M3 is zero, unless that has a sign.</summary>
    private static float HalfScale(byte scale)
    {
        if (scale == NotANumber)
            return 0;
        var (exponent, mantissa) = (scale >> 3 & 0x0F, scale & 7);
        return exponent == 0 ? mantissa / 1024f : (1 + (mantissa / 8f)) * MathF.ScaleB(1, exponent - 8);
    }

    /// <summary>ggml_fp32_to_ue4m3: half up, from the one bit that follows; all from 256 on is the largest, 448.</summary>
    private static byte ToScale(float value)
    {
        if (!(value > 0))
            return 0;
        var bits = BitConverter.SingleToUInt32Bits(MathF.Min(value, 448));
        var exponent = (int)(bits >> 23) - 127 + 7;
        if (exponent <= 0)
            return (byte)Math.Min(7, (int)((value * 512) + 0.5f));
        // A mantissa that overflows carries into the exponent.
        var rounded = (exponent << 3) + (int)(bits >> 20 & 7) + (int)(bits >> 19 & 1);
        return rounded < 15 << 3 ? (byte)rounded : LargestScale;
    }
}
