using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// A tensor as an architecture knows it: its plain name, its shape, its weights. Stored as it is or, in a quantised checkpoint, computed
/// from several stored tensors; architectures cannot tell.
/// </summary>
/// <param name="name">Name without what quantisation makes of it, such as <c>model.layers.0.mlp.up_proj.weight</c>.</param>
/// <param name="shape">Dimensions, [out, in].</param>
internal abstract class LogicalTensor(string name, IReadOnlyList<long> shape)
{
    public string Name { get; } = name;

    /// <summary>Dimensions, [out, in].</summary>
    public IReadOnlyList<long> Shape { get; } = shape;

    /// <summary>Names of the stored tensors it is made from.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>The type in which weights are judged to be exact: the checkpoint's own.</summary>
    public abstract SafetensorsType Type { get; }

    /// <summary>The ggml type that rows can be had in as they are stored (<see cref="TensorSource.NativeType"/>).</summary>
    public virtual GgmlType? NativeType => null;

    /// <summary>Whether the native type is kept whatever the recipe (<see cref="TensorSource.KeepsType"/>).</summary>
    public virtual bool KeepsType => false;

    /// <summary>What the native blocks have no room for; <see cref="Read"/> has multiplied with it.</summary>
    public virtual IReadOnlyList<BlockFactor> Factors => [];

    /// <summary>The lattice along the rows (<see cref="TensorSource.Lattice"/>).</summary>
    public virtual Lattice? Lattice => null;

    /// <summary>Writes weights from <paramref name="first"/> on, counted along the rows; from any thread.</summary>
    public abstract void Read(CheckpointReader reader, long first, Span<float> destination);

    /// <summary>The same in <see cref="NativeType"/>, whole blocks of it.</summary>
    public virtual void ReadNative(CheckpointReader reader, long first, Span<byte> destination)
        => throw new InvalidOperationException($"{GetType().Name} has no bytes of a ggml type.");

    /// <summary>Some groups of the lattice (<see cref="TensorSource.SampleLattice"/>).</summary>
    public virtual IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader)
        => throw new InvalidOperationException($"{GetType().Name} has no lattice.");

    /// <summary>Rows as codes, scales and offsets, a row being the last dimension; the caller disposes of them.</summary>
    public virtual LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
        => throw new InvalidOperationException($"{GetType().Name} has no lattice.");
}
