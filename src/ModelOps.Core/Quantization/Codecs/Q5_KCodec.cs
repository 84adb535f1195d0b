using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// Q5_K: super-blocks of 256 in 176 bytes, as Q4_K with fifth bits: f16 d, f16 dmin, scales[12], qh[32], qs[128]
/// (quantize_row_q5_K_ref, quantize_row_q5_K_impl).
/// </summary>
internal sealed class Q5_KCodec() : MinimumCodec(Bytes, 32, 63, new(31, -0.5f, 0.1f, 15, IsAbsolute: false), SubBlockWeighting.MagnitudeAndRootMeanSquare, 2)
{
    private const int Bytes = 176;
    private const int SubBlocks = 8;
    private const int HighAt = 16;
    private const int CodesAt = 48;

    public override GgmlType Type => GgmlType.Q5_K;

    public override void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        Span<float> steps = stackalloc float[SubBlocks];
        Span<float> offsets = stackalloc float[SubBlocks];
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            KScales.Read(source, steps, offsets);
            for (var sub = 0; sub < SubBlocks; sub++)
            {
                for (var i = 0; i < 32; i += 16)
                {
                    var nibbles = Vector128.Create(source[(CodesAt + (sub / 2 * 32) + i)..]);
                    var low = sub % 2 == 0 ? nibbles & Vector128.Create((byte)0x0F) : nibbles >>> 4;
                    var high = (Vector128.Create(source[(HighAt + i)..]) >>> sub & Vector128<byte>.One) << 4;
                    SubBlockValues.Decode(low | high, steps[sub], offsets[sub], destination[((32 * sub) + i)..]);
                }
            }
        }
    }

    protected override void WriteScales(Span<byte> block, ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, float d, float dmin) => KScales.Write(block, scales, minimums, d, dmin);

    protected override void ReadScales(ReadOnlySpan<byte> block, Span<float> steps, Span<float> offsets) => KScales.Read(block, steps, offsets);

    protected override void Pack(ReadOnlySpan<byte> codes, Span<byte> block)
    {
        for (var i = 0; i < 32; i += 16)
        {
            // Bit n of a high byte is the fifth bit of sub-block n.
            var high = Vector128<byte>.Zero;
            for (var pair = 0; pair < 4; pair++)
            {
                var (even, odd) = (Vector128.Create(codes[((64 * pair) + i)..]), Vector128.Create(codes[((64 * pair) + 32 + i)..]));
                ((even & Vector128.Create((byte)0x0F)) | odd << 4).CopyTo(block[(CodesAt + (32 * pair) + i)..]);
                high |= (even >>> 4 | odd >>> 4 << 1) << (2 * pair);
            }
            high.CopyTo(block[(HighAt + i)..]);
        }
    }
}
