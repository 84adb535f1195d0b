using System.Buffers;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>Where the weights of an output tensor come from: gives its rows as F32, in any order and from any thread.</summary>
internal abstract class TensorSource
{
    /// <summary>Names of the checkpoint's tensors it is made from; empty for a computed one.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>The type in which weights are judged to be exact: the checkpoint's own.</summary>
    public abstract SafetensorsType Type { get; }

    /// <summary>Dimensions in ggml's order, row length first.</summary>
    public abstract IReadOnlyList<long> Shape { get; }

    /// <summary>
    /// Whether every weight is one of the checkpoint's, bit for bit, with rows kept whole: then a quantization lattice along the rows
    /// survives.
    /// </summary>
    public abstract bool KeepsRows { get; }

    /// <summary>
    /// The ggml type that the rows can be had in as they are stored, without going through F32; null when they must be computed. A tensor
    /// that is planned in this type is copied.
    /// </summary>
    public virtual GgmlType? NativeType => null;

    /// <summary>
    /// Whether <see cref="NativeType"/> is kept whatever the recipe: the blocks of a quantised checkpoint are moved, not decoded, as any other
    /// type would be larger or lose something.
    /// </summary>
    public virtual bool KeepsType => false;

    /// <summary>
    /// The lattice that the rows are had on, where a quantised checkpoint stores them as codes; null where it does not, or where what is done to the
    /// weights leaves no lattice along the rows.
    /// </summary>
    public virtual Lattice? Lattice => null;

    /// <summary>Rows that should be asked for together, where one by one they are dear; else one.</summary>
    public virtual long RowsAtOnce => 1;

    /// <summary>What the engine multiplies with beside blocks that are kept; empty where nothing.</summary>
    public virtual IReadOnlyList<BlockFactor> Factors => [];

    public long RowLength => Shape[0];

    public long Rows => Shape.Skip(1).Aggregate(1L, (product, length) => product * length);

    public long Weights => RowLength * Rows;

    /// <summary>Writes <c>destination.Length / RowLength</c> rows, from <paramref name="firstRow"/> on.</summary>
    public abstract void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination);

    /// <summary>The same in <see cref="NativeType"/>; only for sources that have one. The destination is a whole number of rows.</summary>
    public virtual void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> destination)
        => throw new InvalidOperationException($"{GetType().Name} has no rows of a ggml type.");

    /// <summary>Some groups of <see cref="Lattice"/>, evenly over the tensor; null where those of a group are no neighbours, which only its weights' files tell.</summary>
    public virtual IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader)
        => throw new InvalidOperationException($"{GetType().Name} has no lattice.");

    /// <summary>Rows as codes, scales and offsets; only for sources with a <see cref="Lattice"/>. The caller disposes of them; from any thread.</summary>
    public virtual LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
        => throw new InvalidOperationException($"{GetType().Name} has no lattice.");

    /// <summary>Writes a piece of one row, from <paramref name="firstColumn"/> on; a source that can read no less than a row reads it.</summary>
    public virtual void ReadColumns(CheckpointReader reader, long row, long firstColumn, Span<float> destination)
    {
        if (destination.Length == RowLength)
        {
            ReadRows(reader, row, destination);
            return;
        }
        var length = checked((int)RowLength);
        var whole = ArrayPool<float>.Shared.Rent(length);
        try
        {
            ReadRows(reader, row, whole.AsSpan(0, length));
            whole.AsSpan((int)firstColumn, destination.Length).CopyTo(destination);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(whole);
        }
    }

    /// <summary>The same in <see cref="NativeType"/>, when that has blocks of one weight.</summary>
    public virtual void ReadNativeColumns(CheckpointReader reader, long row, long firstColumn, Span<byte> destination)
    {
        var (length, weight) = (checked((int)NativeType!.Value.RowBytes(RowLength)), (int)NativeType.Value.RowBytes(1));
        var whole = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            ReadNativeRows(reader, row, whole.AsSpan(0, length));
            whole.AsSpan((int)firstColumn * weight, destination.Length).CopyTo(destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }
}

/// <summary>A tensor that no checkpoint holds, such as RoPE frequency factors.</summary>
internal sealed class ComputedTensor(float[] values) : TensorSource
{
    public override IReadOnlyList<string> Names => [];

    public override SafetensorsType Type => SafetensorsType.F32;

    public override IReadOnlyList<long> Shape { get; } = [values.Length];

    public override bool KeepsRows => false;

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination) => values.CopyTo(destination);
}
