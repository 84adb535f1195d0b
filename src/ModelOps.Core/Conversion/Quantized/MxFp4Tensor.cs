using System.Buffers;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// Weights in MXFP4 (OCP microscaling): two E2M1 codes a byte, an E8M0 scale for each 32. Its blocks are ggml's with the codes in another
/// order, so they are moved, not decoded.
/// </summary>
/// <param name="name">Name of the tensor.</param>
/// <param name="shape">Dimensions, [.., out, in].</param>
/// <param name="codes">The codes, in bytes or words, row by row; element 2i in the low half of byte i.</param>
/// <param name="scales">Exponents, a byte each.</param>
internal sealed class MxFp4Tensor(string name, IReadOnlyList<long> shape, CheckpointTensor codes, CheckpointTensor scales) : DecodedTensor(name, shape, codes, scales)
{
    private const int CodeBytes = MxFp4Packing.BlockLength / 2;

    public override GgmlType? NativeType => GgmlType.MXFP4;

    public override bool KeepsType => true;

    public override void ReadNative(CheckpointReader reader, long first, Span<byte> destination)
    {
        var (firstBlock, blocks) = (first / MxFp4Packing.BlockLength, destination.Length / GgmlType.MXFP4.BlockBytes());
        var buffer = ArrayPool<byte>.Shared.Rent(blocks * (CodeBytes + 1));
        try
        {
            var packed = buffer.AsSpan(0, blocks * CodeBytes);
            var exponents = buffer.AsSpan(blocks * CodeBytes, blocks);
            reader.Read(codes, firstBlock * CodeBytes, packed);
            reader.Read(scales, firstBlock, exponents);
            if (exponents.Contains(MxFp4Packing.NotANumber))
                throw new ModelOpsException(ErrorKind.CorruptFile, $"The scales '{scales.Name}' hold a NaN.");
            MxFp4Packing.Repack(packed, exponents, destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    protected override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        var bytes = checked((int)GgmlType.MXFP4.RowBytes(destination.Length));
        var blocks = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            ReadNative(reader, firstRow * RowLength, blocks.AsSpan(0, bytes));
            TensorQuantizer.Dequantize(GgmlType.MXFP4, blocks.AsSpan(0, bytes), destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(blocks);
        }
    }
}
