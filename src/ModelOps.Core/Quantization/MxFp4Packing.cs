namespace ModelOps.Quantization;

/// <summary>MXFP4 as checkpoints store it (OCP microscaling formats, version 1.0) into ggml's blocks. Only bits are moved.</summary>
internal static class MxFp4Packing
{
    /// <summary>Weights that share a scale.</summary>
    public const int BlockLength = Block.Length;

    /// <summary>The E8M0 code that is no number.</summary>
    public const byte NotANumber = 0xFF;

    /// <param name="codes">16 bytes a block: weight 2i in the low half of byte i, weight 2i + 1 in the high one.</param>
    /// <param name="scales">One E8M0 byte a block.</param>
    /// <param name="destination">ggml's block_mxfp4: the scale, then weight j in the low half and weight j + 16 in the high half of byte j.</param>
    public static void Repack(ReadOnlySpan<byte> codes, ReadOnlySpan<byte> scales, Span<byte> destination)
    {
        const int Half = BlockLength / 2;
        for (var block = 0; block < scales.Length; block++)
        {
            var source = codes.Slice(block * Half, Half);
            var target = destination.Slice(block * (Half + 1), Half + 1);
            target[0] = scales[block];
            Fp4Nibbles.SplitHalves(source, target[1..]);
        }
    }
}
