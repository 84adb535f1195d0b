namespace ModelOps.Quantization;

/// <summary>NVFP4 as checkpoints store it into ggml's blocks, or into weights without the number that all are multiplied with.</summary>
internal static class NvFp4Packing
{
    /// <summary>Weights that share a scale.</summary>
    public const int GroupLength = 16;

    /// <summary>Groups in a block of ggml's.</summary>
    public const int GroupsPerBlock = 4;

    /// <summary>Bytes of a block of ggml's: its scales, then its codes.</summary>
    public const int BlockBytes = GroupsPerBlock + (GroupsPerBlock * GroupLength / 2);

    private const int CodeBytes = GroupLength / 2;
    private const byte Sign = 0x80;
    private const byte NotANumber = 0x7F;

    /// <summary>Whether an E4M3 number can be one: ggml knows neither negative scales nor NaN.</summary>
    public static bool IsScale(byte scale) => scale <= Sign && scale != NotANumber;

    /// <param name="codes">8 bytes a group: weight 2i in the low half of byte i, weight 2i + 1 in the high one.</param>
    /// <param name="scales">One E4M3 byte a group.</param>
    /// <param name="destination">
    /// ggml's block_nvfp4: four scales, then for each group weight j in the low half and weight j + 8 in the high half of byte j.
    /// </param>
    public static void Repack(ReadOnlySpan<byte> codes, ReadOnlySpan<byte> scales, Span<byte> destination)
    {
        for (var group = 0; group < scales.Length; group++)
        {
            var (block, inBlock) = Math.DivRem(group, GroupsPerBlock);
            var target = destination.Slice(block * BlockBytes, BlockBytes);
            target[inBlock] = (byte)(scales[group] & ~Sign);
            Fp4Nibbles.SplitHalves(codes.Slice(group * CodeBytes, CodeBytes), target[(GroupsPerBlock + (inBlock * CodeBytes))..]);
        }
    }

    /// <summary>Code times scale, which F32 holds exactly.</summary>
    public static void ToWeights(ReadOnlySpan<byte> codes, ReadOnlySpan<byte> scales, Span<float> destination)
    {
        for (var i = 0; i < codes.Length; i++)
        {
            var half = Float8.FromE4M3(scales[i / CodeBytes]) / 2;
            destination[2 * i] = Fp4Nibbles.DoubledValues[codes[i] & 0x0F] * half;
            destination[(2 * i) + 1] = Fp4Nibbles.DoubledValues[codes[i] >> 4] * half;
        }
    }
}
