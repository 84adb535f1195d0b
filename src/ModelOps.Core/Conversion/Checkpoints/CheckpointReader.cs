namespace ModelOps.Conversion;

/// <summary>Reads bytes of a source's tensors at positions, from any thread; the files are its own.</summary>
internal sealed class CheckpointReader(IWeightFiles files) : IDisposable
{
    /// <summary>Pieces of tensors that are needed again and again.</summary>
    public PanelCache Panels { get; } = new();

    /// <summary>Fills <paramref name="destination"/> from a position relative to the tensor's first byte.</summary>
    public void Read(CheckpointTensor tensor, long position, Span<byte> destination)
    {
        if (position < 0 || position + destination.Length > tensor.Bytes)
            throw new ArgumentOutOfRangeException(nameof(position));
        files.Read(tensor.File, tensor.Offset + position, destination);
    }

    /// <summary>The same from a position of a file, where a tensor is more than a <see cref="CheckpointTensor"/> says.</summary>
    public void Read(string file, long position, Span<byte> destination) => files.Read(file, position, destination);

    public void Dispose() => files.Dispose();
}
