using System.Buffers;
using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// Makes tensors of the output, in row chunks on several threads: read, transform, encode, count what is exact, write to its place. A
/// chunk's result does not depend on the others, so neither do the bytes on the number of threads; memory is that of a chunk a thread.
/// </summary>
internal sealed class TensorEncoder(CheckpointReader reader, SafeFileHandle output, int threads, CancellationToken cancellationToken)
{
    private const int ChunkWeights = 1 << 15;

    /// <summary>Writes a tensor and returns how many of its weights are exact (<see cref="ConvertedTensor.ExactWeights"/>).</summary>
    public long Encode(PlannedTensor tensor, TensorSource source)
    {
        if (source.RowLength > Array.MaxLength / sizeof(double))
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"The rows of '{tensor.Name}' hold {source.RowLength:N0} weights, which is too many.");
        var rowBytes = tensor.Type.RowBytes(source.RowLength);
        var chunkRows = Math.Max(source.RowsAtOnce, ChunkWeights / source.RowLength);
        var chunks = (source.Rows + chunkRows - 1) / chunkRows;
        if (chunks == 1)
            return EncodeChunk(tensor, source, 0, source.Rows, rowBytes);
        var exact = 0L;
        try
        {
            Parallel.For(
                0L,
                chunks,
                new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken },
                chunk => Interlocked.Add(ref exact, EncodeChunk(tensor, source, chunk * chunkRows, Math.Min(chunkRows, source.Rows - (chunk * chunkRows)), rowBytes)));
        }
        catch (AggregateException exception)
        {
            // The others say the same, or were stopped by the first.
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
        return exact;
    }

    private long EncodeChunk(PlannedTensor tensor, TensorSource source, long firstRow, long rows, long rowBytes)
    {
        var weights = checked((int)(rows * source.RowLength));
        var bytes = checked((int)(rows * rowBytes));
        if (source.NativeType == tensor.Type)
            return CopyChunk(tensor, source, firstRow, rowBytes, bytes, weights);
        var floats = ArrayPool<float>.Shared.Rent(weights);
        var encoded = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            var original = floats.AsSpan(0, weights);
            var data = encoded.AsSpan(0, bytes);
            source.ReadRows(reader, firstRow, original);
            var exact = tensor.Lattice ? EncodeLattice(original, data) : EncodeRounded(tensor.Type, source, original, data);
            RandomAccess.Write(output, data, tensor.Offset + (firstRow * rowBytes));
            return exact;
        }
        finally
        {
            ArrayPool<float>.Shared.Return(floats);
            ArrayPool<byte>.Shared.Return(encoded);
        }
    }

    private long CopyChunk(PlannedTensor tensor, TensorSource source, long firstRow, long rowBytes, int bytes, int weights)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            var data = buffer.AsSpan(0, bytes);
            source.ReadNativeRows(reader, firstRow, data);
            RandomAccess.Write(output, data, tensor.Offset + (firstRow * rowBytes));
            return weights;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static long EncodeLattice(ReadOnlySpan<float> original, Span<byte> data)
    {
        var stored = ArrayPool<ushort>.Shared.Rent(original.Length);
        try
        {
            // The weights are the checkpoint's BF16, so narrowing gives its very bits back.
            FloatConversion.ToBF16(original, stored);
            return LatticeQuantizer.Quantize(stored.AsSpan(0, original.Length), data);
        }
        finally
        {
            ArrayPool<ushort>.Shared.Return(stored);
        }
    }

    /// <summary>
    /// Encodes, and counts the weights that come back. What is compared is the weight after the architecture's transform (a permuted row's
    /// weight, a norm's weight plus one), rounded to the checkpoint's type on both sides.
    /// </summary>
    private static long EncodeRounded(GgmlType type, TensorSource source, ReadOnlySpan<float> original, Span<byte> data)
    {
        TensorQuantizer.Quantize(type, original, data, (int)source.RowLength);
        if (type == GgmlType.F32)
            return original.Length;
        var decoded = ArrayPool<float>.Shared.Rent(original.Length);
        try
        {
            TensorQuantizer.Dequantize(type, data, decoded);
            return WeightReader.CountExact(source.Type, original, decoded.AsSpan(0, original.Length));
        }
        finally
        {
            ArrayPool<float>.Shared.Return(decoded);
        }
    }
}
