using System.Buffers;
using ModelOps.Conversion;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>Writes a part of a stored tensor to its place.</summary>
/// <param name="item">Index of the tensor.</param>
/// <param name="part">Which of its stored tensors.</param>
/// <param name="bytes">The bytes.</param>
/// <param name="position">Position from the start of the stored tensor.</param>
internal delegate void WritePart(int item, ExportPart part, ReadOnlySpan<byte> bytes, long position);

/// <summary>Makes the bytes of chunks: reads, fits to the container, packs, and compares what is stored with what was read.</summary>
internal sealed class ChunkWriter(ExportWork work, CheckpointReader reader, WritePart write)
{
    public Fidelity Write(ExportChunk chunk) => work.Items[chunk.Item].Scheme is null ? Copy(chunk) : Quantize(chunk);

    private Fidelity Copy(ExportChunk chunk)
    {
        var item = work.Items[chunk.Item];
        var (weights, stored) = (ArrayPool<float>.Shared.Rent(chunk.Count), ArrayPool<float>.Shared.Rent(chunk.Count));
        var size = WeightReader.Bytes(item.CopyType);
        var bytes = ArrayPool<byte>.Shared.Rent(chunk.Count * size);
        try
        {
            var from = weights.AsSpan(0, chunk.Count);
            var to = stored.AsSpan(0, chunk.Count);
            var data = bytes.AsSpan(0, chunk.Count * size);
            item.Tensor.Read(reader, chunk.First, from);
            StoredNumber.Write(item.CopyType, from, data);
            WeightReader.ToSingle(item.CopyType, data, to);
            RequireFinite(item, from, to);
            write(chunk.Item, item.Parts[0], data, chunk.First * size);
            return Compare(item.Tensor.Type, from, to);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(weights);
            ArrayPool<float>.Shared.Return(stored);
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private Fidelity Quantize(ExportChunk chunk)
    {
        var item = work.Items[chunk.Item];
        var count = checked(chunk.Count * item.RowLength);
        var (weights, stored) = (ArrayPool<float>.Shared.Rent(count), ArrayPool<float>.Shared.Rent(count));
        try
        {
            var from = weights.AsSpan(0, count);
            var to = stored.AsSpan(0, count);
            using var lattice = item.Lattice!.Read(reader, chunk.First, chunk.Count, from);
            using var fitted = work.Container.Fit(lattice, from, item.Lattice.Bits, item, work.Number);
            fitted.ToWeights(to);
            foreach (var weight in from)
            {
                if (!float.IsFinite(weight))
                    throw new ModelOpsException(ErrorKind.CorruptFile, $"'{item.Tensor.Name}' holds {(float.IsNaN(weight) ? "a NaN" : "an infinity")}, which no code stands for.", "The source is damaged.");
            }
            RequireFinite(item, from, to);
            foreach (var part in item.Parts)
                Write(chunk, item, part, fitted);
            return Compare(item.Tensor.Type, from, to);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(weights);
            ArrayPool<float>.Shared.Return(stored);
        }
    }

    private void Write(ExportChunk chunk, ExportItem item, ExportPart part, LatticeRows fitted)
    {
        var isWhole = part.RowBytes == 0;
        if (isWhole && chunk.First > 0)
            return;
        var rows = (chunk.Count + part.RowsTogether - 1) / part.RowsTogether;
        var length = checked((int)(isWhole ? WeightShards.Specs(item).First(spec => spec.Name == WeightShards.PartName(item, part)).Bytes : rows * part.RowBytes));
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var data = buffer.AsSpan(0, length);
            data.Clear();
            work.Container.Pack(part, fitted, item, work.Number, data);
            write(chunk.Item, part, data, chunk.First / part.RowsTogether * part.RowBytes);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>In the source's own type: what rounds to the same number there is the same.</summary>
    private static Fidelity Compare(SafetensorsType type, ReadOnlySpan<float> weights, Span<float> stored)
    {
        foreach (ref var number in stored)
            number = StoredNumber.Round(type, number);
        return Fidelity.Of(WeightReader.CountExact(type, weights, stored), weights, stored);
    }

    private void RequireFinite(ExportItem item, ReadOnlySpan<float> weights, ReadOnlySpan<float> stored)
    {
        for (var i = 0; i < weights.Length; i++)
        {
            if (float.IsFinite(weights[i]) && !float.IsFinite(stored[i]))
                throw new ModelOpsException(ErrorKind.UnsupportedType, $"{work.Number} is too small for the weights of '{item.Name}', such as {weights[i]}.", work.Number == SafetensorsType.F16 ? "Export with --dtype BF16." : null);
        }
    }
}
