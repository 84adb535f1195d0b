namespace ModelOps.Quantization;

/// <summary>Reads one storage type. One file a type; <see cref="TensorQuantizer"/> holds the list.</summary>
internal interface IBlockDecoder
{
    GgmlType Type { get; }

    /// <summary>Decodes whole blocks; the lengths have been checked.</summary>
    void Decode(ReadOnlySpan<byte> source, Span<float> destination);
}
