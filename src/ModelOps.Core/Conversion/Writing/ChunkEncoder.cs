using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// Makes chunks of the output, one at a time: reads rows, transforms, encodes, measures what came of them. A worker has one, with buffers for the
/// largest chunk of the plan, so that memory is known before the first byte is read. A chunk's bytes do not depend on any other.
/// </summary>
internal sealed class ChunkEncoder
{
    /// <summary>Weights that are encoded at once: their floats, and what is made of them, stay in a processor's cache.</summary>
    private const long SliceWeights = 1 << 17;

    /// <summary>Bytes that a weight takes while it is encoded: as it is stored (8), as a float (4), decoded again (4), as a lattice's BF16 (2).</summary>
    private const int SliceBytesPerWeight = 18;

    private readonly ImportanceMatrix? _importance;
    private readonly byte[] _chunk;
    private readonly float[] _weights;
    private readonly float[] _decoded;
    private readonly ushort[] _stored;

    public ChunkEncoder(ChunkNeeds needs, ImportanceMatrix? importance)
    {
        _importance = importance;
        _chunk = new byte[needs.ChunkBytes];
        _weights = new float[needs.SliceWeights];
        _decoded = new float[needs.SliceWeights];
        _stored = new ushort[needs.SliceWeights];
    }

    /// <summary>What the chunks of a plan take at most.</summary>
    public static ChunkNeeds Needs(ConversionPlan plan, IReadOnlyList<TensorSource> sources, IEnumerable<RowChunk> chunks)
    {
        var needs = new ChunkNeeds("", 0, 0);
        foreach (var chunk in chunks)
        {
            var (tensor, source) = (plan.Tensors[chunk.Tensor], sources[chunk.Tensor]);
            var need = new ChunkNeeds(
                tensor.Name,
                checked(chunk.Rows * tensor.Type.RowBytes(source.RowLength)),
                source.NativeType == tensor.Type ? 0 : checked(Math.Min(SliceRows(source), chunk.Rows) * source.RowLength));
            needs = needs.With(need);
        }
        return needs;
    }

    /// <summary>The place of a chunk's bytes; they stand until the next.</summary>
    public Span<byte> Buffer(long bytes) => _chunk.AsSpan(0, checked((int)bytes));

    /// <summary>Makes a chunk, at the start of <see cref="Buffer"/>.</summary>
    /// <param name="reader">The source's files.</param>
    /// <param name="tensor">The tensor as it is planned.</param>
    /// <param name="source">Where its rows come from.</param>
    /// <param name="chunk">Which rows.</param>
    /// <param name="processors">Taken while encoding, and not while a disk is waited for.</param>
    /// <param name="cancellationToken">Stops it between rows.</param>
    /// <returns>How near its weights are to the source's.</returns>
    public Fidelity Encode(CheckpointReader reader, PlannedTensor tensor, TensorSource source, RowChunk chunk, SemaphoreSlim processors, CancellationToken cancellationToken)
    {
        var rowBytes = (int)tensor.Type.RowBytes(source.RowLength);
        var data = Buffer(chunk.Rows * rowBytes);
        if (source.NativeType == tensor.Type)
        {
            source.ReadNativeRows(reader, chunk.FirstRow, data);
            return new Fidelity(chunk.Rows * source.RowLength);
        }
        var fidelity = new Fidelity(0);
        var blocks = tensor.Lattice && source.Lattice is not null ? BlockLattice.Of(tensor.Type) : null;
        var sliceRows = SliceRows(source);
        for (var row = 0L; row < chunk.Rows; row += sliceRows)
        {
            var rows = (int)Math.Min(sliceRows, chunk.Rows - row);
            var weights = _weights.AsSpan(0, rows * (int)source.RowLength);
            var encoded = data.Slice((int)row * rowBytes, rows * rowBytes);
            using var lattice = blocks is null ? null : source.ReadLattice(reader, chunk.FirstRow + row, rows);
            if (lattice is null)
                source.ReadRows(reader, chunk.FirstRow + row, weights);
            processors.Wait(cancellationToken);
            try
            {
                if (lattice is null)
                {
                    fidelity += Encode(tensor, source, chunk.FirstRow + row, weights, encoded);
                }
                else
                {
                    lattice.ToWeights(weights);
                    LatticePacking.Pack(blocks!, lattice, weights, encoded);
                    fidelity += Compare(tensor, source, weights, encoded);
                }
            }
            finally
            {
                processors.Release();
            }
        }
        return fidelity;
    }

    private static long SliceRows(TensorSource source) => Math.Max(source.RowsAtOnce, SliceWeights / source.RowLength);

    private Fidelity Encode(PlannedTensor tensor, TensorSource source, long firstRow, ReadOnlySpan<float> weights, Span<byte> data)
    {
        if (tensor.Lattice)
        {
            // The weights are the checkpoint's BF16, so narrowing gives its very bits back.
            FloatConversion.ToBF16(weights, _stored);
            LatticeQuantizer.Quantize(_stored.AsSpan(0, weights.Length), data);
            return Compare(tensor, source, weights, data);
        }
        Quantize(tensor, firstRow, weights, data);
        if (tensor.Type == GgmlType.F32)
            return new Fidelity(weights.Length);
        return Compare(tensor, source, weights, data);
    }

    private Fidelity Compare(PlannedTensor tensor, TensorSource source, ReadOnlySpan<float> weights, ReadOnlySpan<byte> data)
    {
        // Compared is the weight after the architecture's transform (a permuted row's weight, a norm's weight plus one), rounded to the
        // checkpoint's type on both sides.
        var decoded = _decoded.AsSpan(0, weights.Length);
        TensorQuantizer.Dequantize(tensor.Type, data, decoded);
        return Fidelity.Of(WeightReader.CountExact(source.Type, weights, decoded), weights, decoded);
    }

    /// <summary>Quantises rows; each matrix of a stack of experts has its own row of the importance matrix.</summary>
    private void Quantize(PlannedTensor tensor, long firstRow, ReadOnlySpan<float> weights, Span<byte> data)
    {
        var rowLength = (int)tensor.Shape[0];
        if (_importance is null || !TensorQuantizer.UsesImportance(tensor.Type) || _importance.Find(tensor.Name, tensor.Shape) is not { } importance)
        {
            TensorQuantizer.Quantize(tensor.Type, weights, data, rowLength);
            return;
        }
        var (matrixRows, rowBytes) = (tensor.Shape[1], (int)tensor.Type.RowBytes(rowLength));
        for (int row = 0, rows; row < weights.Length / rowLength; row += rows)
        {
            var matrix = (int)((firstRow + row) / matrixRows);
            rows = (int)Math.Min((weights.Length / rowLength) - row, ((matrix + 1) * matrixRows) - (firstRow + row));
            TensorQuantizer.Quantize(tensor.Type, weights.Slice(row * rowLength, rows * rowLength), data.Slice(row * rowBytes, rows * rowBytes), rowLength, importance.AsSpan(matrix * rowLength, rowLength));
        }
    }

    /// <summary>What a worker needs for the largest chunk.</summary>
    /// <param name="Tensor">Name of the tensor with the largest chunk.</param>
    /// <param name="ChunkBytes">Bytes of a chunk of the output.</param>
    /// <param name="SliceWeights">Weights that are encoded at once.</param>
    public sealed record ChunkNeeds(string Tensor, long ChunkBytes, long SliceWeights)
    {
        /// <summary>Bytes in all.</summary>
        public long Bytes => checked(ChunkBytes + (SliceWeights * SliceBytesPerWeight));

        /// <summary>Room for either.</summary>
        public ChunkNeeds With(ChunkNeeds other)
            => new(other.Bytes > Bytes ? other.Tensor : Tensor, Math.Max(ChunkBytes, other.ChunkBytes), Math.Max(SliceWeights, other.SliceWeights));
    }
}
