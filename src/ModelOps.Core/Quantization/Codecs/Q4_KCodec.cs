using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// Q4_K: super-blocks of 256 in 144 bytes, 8 sub-blocks of 32 with a 6-bit scale and minimum each: f16 d, f16 dmin, scales[12], qs[128]
/// (quantize_row_q4_K_ref, quantize_row_q4_K_impl).
/// </summary>
internal sealed class Q4_KCodec() : MinimumCodec(Bytes, 32, 63, new(15, -1f, 0.1f, 20, IsAbsolute: false), SubBlockWeighting.MagnitudeAndRootMeanSquare, 2)
{
    private const int Bytes = 144;
    private const int SubBlocks = 8;
    private const int CodesAt = 16;

    public override GgmlType Type => GgmlType.Q4_K;

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
                    SubBlockValues.Decode(sub % 2 == 0 ? nibbles & Vector128.Create((byte)0x0F) : nibbles >>> 4, steps[sub], offsets[sub], destination[((32 * sub) + i)..]);
                }
            }
        }
    }

    protected override void WriteScales(Span<byte> block, ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, float d, float dmin) => KScales.Write(block, scales, minimums, d, dmin);

    protected override void ReadScales(ReadOnlySpan<byte> block, Span<float> steps, Span<float> offsets) => KScales.Read(block, steps, offsets);

    protected override void Pack(ReadOnlySpan<byte> codes, Span<byte> block)
    {
        for (var i = 0; i < Block.SuperLength / 2; i += 16)
        {
            // 64 codes go to 32 bytes, the first 32 to the low nibbles.
            var q = codes[((i / 32 * 64) + (i % 32))..];
            (Vector128.Create(q) | Vector128.Create(q[32..]) << 4).CopyTo(block[(CodesAt + i)..]);
        }
    }
}
