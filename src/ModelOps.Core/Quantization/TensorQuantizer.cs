namespace ModelOps.Quantization;

/// <summary>Encodes rows of F32 weights to a storage type, and back.</summary>
internal static class TensorQuantizer
{
    /// <summary>The types that <see cref="Quantize"/> can write.</summary>
    public static IReadOnlyList<GgmlType> Types => throw new NotImplementedException();

    /// <summary>
    /// Encodes <paramref name="source"/>, whole rows of <paramref name="rowLength"/> weights, into <paramref name="destination"/>;
    /// byte-identical to ggml_quantize_chunk without an importance matrix.
    /// </summary>
    public static void Quantize(GgmlType type, ReadOnlySpan<float> source, Span<byte> destination, int rowLength) => throw new NotImplementedException();

    /// <summary>Decodes whole blocks to F32 (ggml's to_float).</summary>
    public static void Dequantize(GgmlType type, ReadOnlySpan<byte> source, Span<float> destination) => throw new NotImplementedException();
}
