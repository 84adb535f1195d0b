namespace ModelOps.Conversion;

/// <summary>Matrices of 4-bit floats, two codes a byte, by the shapes of what is stored.</summary>
internal static class Fp4Weights
{
    private const int NvFp4Group = 16;
    private const int MxFp4Group = 32;

    /// <param name="name">Name of the weights.</param>
    /// <param name="codes">[.., out, in / 2] bytes.</param>
    /// <param name="scales">[.., out, in / 16] of E4M3.</param>
    /// <param name="factor">What all products are multiplied with.</param>
    /// <param name="inputFactor">The number that activations were calibrated to.</param>
    public static NvFp4Tensor NvFp4(string name, CheckpointTensor codes, CheckpointTensor scales, float factor, float inputFactor)
    {
        Require(codes, scales, NvFp4Group, scales.Type == SafetensorsType.F8_E4M3);
        return new NvFp4Tensor(name, Shape(codes), codes, scales, factor, inputFactor);
    }

    /// <param name="name">Name of the weights.</param>
    /// <param name="codes">[.., out, in / 2] bytes, or [.., out, in / 8] words.</param>
    /// <param name="scales">[.., out, in / 32] of E8M0.</param>
    public static MxFp4Tensor MxFp4(string name, CheckpointTensor codes, CheckpointTensor scales)
    {
        Require(codes, scales, MxFp4Group, scales.Type is SafetensorsType.U8 or SafetensorsType.F8_E8M0);
        return new MxFp4Tensor(name, Shape(codes), codes, scales);
    }

    private static long[] Shape(CheckpointTensor codes) => [.. codes.Shape.SkipLast(1), checked(codes.Shape[^1] * CodesEach(codes))];

    private static int CodesEach(CheckpointTensor codes) => codes.Type == SafetensorsType.U32 ? 8 : 2;

    private static void Require(CheckpointTensor codes, CheckpointTensor scales, int group, bool isScaleType)
    {
        var fits = isScaleType && codes.Type is SafetensorsType.U8 or SafetensorsType.U32 && codes.Shape.Count >= 2 && codes.Shape.Count == scales.Shape.Count
            && codes.Shape.SkipLast(1).SequenceEqual(scales.Shape.SkipLast(1)) && scales.Shape[^1] > 0 && checked(codes.Shape[^1] * CodesEach(codes)) == checked(scales.Shape[^1] * group);
        if (!fits)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{codes.Name}' {StoredTensors.Describe(codes)} and '{scales.Name}' {StoredTensors.Describe(scales)} are not 4-bit floats with a scale for each {group}.");
    }
}
