using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// Q2_K: super-blocks of 256 in 84 bytes, 16 sub-blocks of 16: scales[16] (low nibble scale, high nibble minimum), qs[64], f16 d, f16 dmin
/// (quantize_row_q2_K_ref, quantize_row_q2_K_impl).
/// </summary>
internal sealed class Q2_KCodec() : MinimumCodec(Bytes, 16, 15, new(3, -0.5f, 0.1f, 15, IsAbsolute: true), SubBlockWeighting.Magnitude, 1)
{
    private const int Bytes = 84;
    private const int SubBlocks = 16;
    private const int CodesAt = 16;
    private const int ScaleAt = 80;

    public override GgmlType Type => GgmlType.Q2_K;

    public override void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        Span<float> steps = stackalloc float[SubBlocks];
        Span<float> offsets = stackalloc float[SubBlocks];
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            ReadScales(source, steps, offsets);
            for (var sub = 0; sub < SubBlocks; sub++)
            {
                // A half of 128 takes its 2-bit codes from the same 32 bytes, 32 weights a bit pair.
                var pairs = Vector128.Create(source[(CodesAt + (sub / 8 * 32) + (sub % 2 * 16))..]);
                SubBlockValues.Decode(pairs >>> (sub % 8 / 2 * 2) & Vector128.Create((byte)3), steps[sub], offsets[sub], destination[(16 * sub)..]);
            }
        }
    }

    protected override void WriteScales(Span<byte> block, ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, float d, float dmin)
    {
        for (var sub = 0; sub < SubBlocks; sub++)
            block[sub] = (byte)(scales[sub] | minimums[sub] << 4);
        Block.WriteF16(block[ScaleAt..], d);
        Block.WriteF16(block[(ScaleAt + 2)..], dmin);
    }

    protected override void ReadScales(ReadOnlySpan<byte> block, Span<float> steps, Span<float> offsets)
    {
        var (d, dmin) = (Block.ReadF16(block[ScaleAt..]), Block.ReadF16(block[(ScaleAt + 2)..]));
        for (var sub = 0; sub < SubBlocks; sub++)
        {
            steps[sub] = d * (block[sub] & 0x0F);
            offsets[sub] = dmin * (block[sub] >> 4);
        }
    }

    protected override void Pack(ReadOnlySpan<byte> codes, Span<byte> block) => Block.Pack2(codes, block[CodesAt..]);
}
