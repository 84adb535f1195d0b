namespace ModelOps.Quantization;

/// <summary>Encodes rows of F32 weights to a storage type, and back. The codecs are the files in <c>Codecs</c>.</summary>
internal static class TensorQuantizer
{
    private static readonly IBlockDecoder[] Codecs =
    [
        new F32Codec(), new F16Codec(), new BF16Codec(), new Q4_0Codec(), new Q4_1Codec(), new Q5_0Codec(), new Q5_1Codec(), new Q8_0Codec(), new Q6_KCodec(),
        new Q2_KCodec(), new Q3_KCodec(), new Q4_KCodec(), new Q5_KCodec(), new IQ4_NLCodec(), new IQ4_XSCodec(), new MxFp4Codec(), new NvFp4Codec(), new TQ1_0Codec(), new TQ2_0Codec(),
        new Q1_0Codec(), new Q2_0Codec(), new IQ1_SCodec(), new IQ1_MCodec(), new IQ2_XXSCodec(), new IQ2_XSCodec(), new IQ2_SCodec(), new IQ3_XXSCodec(), new IQ3_SCodec(),
    ];

    /// <summary>The types that <see cref="Quantize"/> can write and <see cref="Dequantize"/> can read.</summary>
    public static IReadOnlyList<GgmlType> Types { get; } = [.. Codecs.Select(codec => codec.Type)];

    /// <summary>Whether an importance matrix makes a difference to the bytes of a type.</summary>
    public static bool UsesImportance(GgmlType type) => Find(type) is IImportanceEncoder;

    /// <summary>Whether a type cannot be written without an importance matrix (ggml_quantize_requires_imatrix).</summary>
    public static bool RequiresImportance(GgmlType type) => Find(type) is IImportanceEncoder and not IBlockCodec;

    /// <summary>
    /// Encodes <paramref name="source"/>, whole rows of <paramref name="rowLength"/> weights, into <paramref name="destination"/>;
    /// byte-identical to ggml_quantize_chunk (on x86-64) for finite weights and numbers of an importance matrix. Others give bytes that mean nothing, or
    /// are refused. Rows are independent: a tensor may be encoded in pieces, on several threads.
    /// </summary>
    /// <param name="type">Storage type.</param>
    /// <param name="source">Whole rows.</param>
    /// <param name="destination">Room for the bytes.</param>
    /// <param name="rowLength">Weights in a row.</param>
    /// <param name="importance">What each weight of a row matters (an importance matrix); empty when nothing is known. Types that cannot use it do without.</param>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.UnsupportedType"/>, also for a row that is not whole blocks, and for weights that ggml ends the process over; <see cref="ErrorKind.InvalidArgument"/> where
    /// <see cref="RequiresImportance"/> and there is none.
    /// </exception>
    public static void Quantize(GgmlType type, ReadOnlySpan<float> source, Span<byte> destination, int rowLength, ReadOnlySpan<float> importance = default)
    {
        var codec = Find(type) ?? throw new ModelOpsException(ErrorKind.UnsupportedType, $"Weights cannot be written as {type}.", $"Choose one of {string.Join(", ", Types)}.");
        ArgumentOutOfRangeException.ThrowIfLessThan(rowLength, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(source.Length % rowLength, 0, nameof(source));
        var bytes = type.RowBytes(rowLength) * (source.Length / rowLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, bytes, nameof(destination));
        if (codec is IImportanceEncoder encoder && !importance.IsEmpty)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(importance.Length, rowLength, nameof(importance));
            var rowBytes = (int)type.RowBytes(rowLength);
            for (; !source.IsEmpty; source = source[rowLength..], destination = destination[rowBytes..])
                encoder.Encode(source[..rowLength], importance, destination[..rowBytes]);
        }
        else if (codec is IBlockCodec plain)
        {
            plain.Encode(source, destination[..(int)bytes]);
        }
        else
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"Weights cannot be written as {type} without an importance matrix.", "Give one, or choose another type.");
        }
    }

    /// <summary>Decodes whole blocks to F32 (ggml's to_float).</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.UnsupportedType"/>.</exception>
    public static void Dequantize(GgmlType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        var decoder = Find(type)
            ?? throw new ModelOpsException(ErrorKind.UnsupportedType, $"Weights stored as {type} cannot be decoded.", $"These can: {string.Join(", ", Types)}.");
        ArgumentOutOfRangeException.ThrowIfNotEqual(source.Length % type.BlockBytes(), 0, nameof(source));
        var weights = (long)source.Length / type.BlockBytes() * type.BlockLength();
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, weights, nameof(destination));
        decoder.Decode(source, destination[..(int)weights]);
    }

    private static IBlockDecoder? Find(GgmlType type) => Array.Find(Codecs, codec => codec.Type == type);
}
