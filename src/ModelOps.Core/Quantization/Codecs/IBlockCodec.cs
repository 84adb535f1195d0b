namespace ModelOps.Quantization;

/// <summary>
/// Reads and writes one storage type. Bytes are those of ggml's reference quantiser on x86-64 whatever the machine and whatever the
/// kernel: a vectorised kernel must keep the order of every sum.
/// </summary>
internal interface IBlockCodec : IBlockDecoder
{
    /// <summary>Encodes whole blocks; the lengths have been checked.</summary>
    void Encode(ReadOnlySpan<float> source, Span<byte> destination);
}
