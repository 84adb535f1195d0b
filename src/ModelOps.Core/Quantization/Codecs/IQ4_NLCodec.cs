namespace ModelOps.Quantization;

/// <summary>IQ4_NL: blocks of 32 in 18 bytes, f16 d and 4-bit codes of an uneven grid; y = d · grid[q] (quantize_row_iq4_nl_impl).</summary>
internal sealed class IQ4_NLCodec : IImportanceCodec
{
    private const int Bytes = 18;

    /// <summary>Blocks that are searched together.</summary>
    private const int Batch = 32;

    public GgmlType Type => GgmlType.IQ4_NL;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<float> scales = stackalloc float[Batch];
        while (!source.IsEmpty)
        {
            var blocks = Math.Min(Batch, source.Length / Block.Length);
            GridScales.Find(source[..(blocks * Block.Length)], default, scales[..blocks]);
            Write(ref source, scales[..blocks], ref destination);
        }
    }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        Span<float> scales = stackalloc float[Batch];
        Span<float> weights = stackalloc float[Batch * Block.Length];
        while (!row.IsEmpty)
        {
            var blocks = Math.Min(Batch, row.Length / Block.Length);
            for (var i = 0; i < blocks; i++)
            {
                var x = row.Slice(i * Block.Length, Block.Length);
                Importance.Spread(x, importance.Slice(i * Block.Length, Block.Length), Importance.SumOfSquares(x) * (2f / Block.Length), weights[(i * Block.Length)..]);
            }
            GridScales.Find(row[..(blocks * Block.Length)], weights, scales[..blocks]);
            Write(ref row, scales[..blocks], ref destination);
            importance = importance[(blocks * Block.Length)..];
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.Length..])
        {
            var d = Block.ReadF16(source);
            var (low, high) = Block.Unpack4(source[2..]);
            ScaledCodes.Write(NonlinearGrid.Value(low), d, destination);
            ScaledCodes.Write(NonlinearGrid.Value(high), d, destination[16..]);
        }
    }

    private static void Write(ref ReadOnlySpan<float> source, scoped ReadOnlySpan<float> scales, ref Span<byte> destination)
    {
        foreach (var scale in scales)
        {
            Block.WriteF16(destination, scale);
            NonlinearGrid.Pack(source[..Block.Length], Rounding.Inverse(scale), destination[2..]);
            source = source[Block.Length..];
            destination = destination[Bytes..];
        }
    }
}
