using System.Buffers;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// Weights in NVFP4: two E2M1 codes a byte, an E4M3 scale for each 16, and one number for the whole. Where rows are whole blocks of ggml's,
/// the bits are moved and the number goes beside them; elsewhere the weights are computed.
/// </summary>
internal sealed class NvFp4Tensor : DecodedTensor
{
    private const int CodeBytes = NvFp4Packing.GroupLength / 2;

    private readonly CheckpointTensor _codes;
    private readonly CheckpointTensor _scales;
    private readonly float _factor;

    /// <param name="name">Name of the tensor.</param>
    /// <param name="shape">Dimensions, [.., out, in].</param>
    /// <param name="codes">Two codes a byte, element 2i in the low half of byte i.</param>
    /// <param name="scales">An E4M3 number for each 16 codes.</param>
    /// <param name="factor">What all products are multiplied with.</param>
    /// <param name="inputFactor">The number that activations were calibrated to; 1 where there is none.</param>
    public NvFp4Tensor(string name, IReadOnlyList<long> shape, CheckpointTensor codes, CheckpointTensor scales, float factor = 1, float inputFactor = 1)
        : base(name, shape, codes, scales)
    {
        (_codes, _scales, _factor) = (codes, scales, factor);
        Factors = [new BlockFactor(BlockFactor.Scale, [factor]), new BlockFactor(".input_scale", [inputFactor])];
    }

    public override GgmlType? NativeType => RowLength % GgmlType.NVFP4.BlockLength() == 0 ? GgmlType.NVFP4 : null;

    public override bool KeepsType => true;

    public override IReadOnlyList<BlockFactor> Factors { get; }

    public override void ReadNative(CheckpointReader reader, long first, Span<byte> destination)
        => ReadGroups(reader, first / NvFp4Packing.GroupLength, destination.Length / NvFp4Packing.BlockBytes * NvFp4Packing.GroupsPerBlock, destination, NvFp4Packing.Repack);

    protected override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        ReadGroups(reader, firstRow * RowLength / NvFp4Packing.GroupLength, destination.Length / NvFp4Packing.GroupLength, destination, NvFp4Packing.ToWeights);
        foreach (ref var weight in destination)
            weight *= _factor;
    }

    private void ReadGroups<T>(CheckpointReader reader, long firstGroup, int groups, Span<T> destination, Unpack<T> unpack)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(groups * (CodeBytes + 1));
        try
        {
            var codes = buffer.AsSpan(0, groups * CodeBytes);
            var scales = buffer.AsSpan(groups * CodeBytes, groups);
            reader.Read(_codes, firstGroup * CodeBytes, codes);
            reader.Read(_scales, firstGroup, scales);
            foreach (var scale in scales)
            {
                if (!NvFp4Packing.IsScale(scale))
                    throw new ModelOpsException(ErrorKind.CorruptFile, $"The scales '{_scales.Name}' hold {Float8.FromE4M3(scale)}, which no scale can be.");
            }
            unpack(codes, scales, destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private delegate void Unpack<T>(ReadOnlySpan<byte> codes, ReadOnlySpan<byte> scales, Span<T> destination);
}
