namespace ModelOps.Quantization;

/// <summary>A storage type whose codes depend on how much each weight matters, where that is known (an importance matrix).</summary>
internal interface IImportanceCodec : IBlockCodec
{
    /// <summary>Encodes one row; <paramref name="importance"/> has a number for each of its weights.</summary>
    void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination);
}
