namespace ModelOps.Quantization;

/// <summary>
/// A storage type that can be written by how much each weight matters (an importance matrix). One that is no <see cref="IBlockCodec"/> can be
/// written in no other way.
/// </summary>
internal interface IImportanceEncoder : IBlockDecoder
{
    /// <summary>Encodes one row; <paramref name="importance"/> has a number for each of its weights.</summary>
    void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination);
}
