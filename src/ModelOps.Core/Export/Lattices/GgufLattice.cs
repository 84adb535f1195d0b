using System.Buffers;
using ModelOps.Conversion;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>The lattice of a GGUF's tensor whose blocks are one (<see cref="GgufBlocks"/>).</summary>
internal sealed class GgufLattice(RestoredTensor tensor) : SampledLattice(tensor)
{
    private readonly BlockLattice _blocks = GgufBlocks.Of(tensor.StoredType)!;

    public override int Bits => _blocks.Bits;

    public override int GroupLength => GgufBlocks.Length;

    public override bool IsBiased => _blocks.HasMinimum;

    public override LatticeRows Read(CheckpointReader reader, long firstRow, int rows, Span<float> weights)
    {
        var blockBytes = tensor.StoredType.BlockBytes();
        var length = checked((int)(rows * tensor.StoredType.RowBytes(RowLength)));
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        var lattice = new LatticeRows(rows, RowLength, RowLength / GgufBlocks.Length) { GroupLength = GgufBlocks.Length, IsBiased = IsBiased };
        try
        {
            tensor.ReadNativeRows(reader, firstRow, bytes.AsSpan(0, length));
            for (var block = 0; block < length / blockBytes; block++)
                (lattice.Scales[block], lattice.Offsets[block]) = GgufBlocks.Read(_blocks, bytes.AsSpan(block * blockBytes, blockBytes), lattice.Codes.Slice(block * GgufBlocks.Length, GgufBlocks.Length));
            // What is compared with is what ggml makes of the blocks.
            TensorQuantizer.Dequantize(tensor.StoredType, bytes.AsSpan(0, length), weights);
        }
        catch
        {
            lattice.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
        return lattice;
    }
}
