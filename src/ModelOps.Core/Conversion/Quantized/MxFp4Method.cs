namespace ModelOps.Conversion;

/// <summary>
/// <c>mxfp4</c>, as gpt-oss is stored: <c>X_blocks</c> [.., out, in/32, 16] and <c>X_scales</c> [.., out, in/32] are X's weights, out by in
/// even where the library's own tensor X is transposed.
/// </summary>
internal sealed class MxFp4Method : IQuantizationMethod
{
    private const string Blocks = "_blocks";
    private const int CodeBytes = 16;

    public string Description => "mxfp4, group 32";

    public void Decode(StoredTensors tensors)
    {
        foreach (var blocks in tensors.EndingIn(Blocks))
        {
            var name = blocks.Name[..^Blocks.Length];
            tensors.TryTake(blocks.Name);
            var scales = tensors.Take(name + "_scales", blocks);
            var groups = blocks.Shape.SkipLast(1);
            if (blocks.Type != SafetensorsType.U8 || scales.Type != SafetensorsType.U8 || blocks.Shape.Count < 3 || blocks.Shape[^1] != CodeBytes || !groups.SequenceEqual(scales.Shape))
            {
                throw new ModelOpsException(
                    ErrorKind.CorruptFile,
                    $"'{blocks.Name}' {StoredTensors.Describe(blocks)} and '{scales.Name}' {StoredTensors.Describe(scales)} are not MXFP4 blocks and their scales.");
            }
            var target = name.EndsWith(".weight", StringComparison.Ordinal) ? name : name + ".weight";
            tensors.Replace(scales, new MxFp4Tensor(target, [.. blocks.Shape.SkipLast(2), checked(blocks.Shape[^2] * 2 * CodeBytes)], blocks, scales));
        }
    }
}
