using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>
/// What the IQ2 and IQ3 types have in common: super-blocks of 256 in sub-blocks, each with a 4-bit scale, an index into a codebook for each group of
/// weights, and signs (quantize_row_iq2_xxs_impl, …_iq2_xs_impl, …_iq2_s_impl, …_iq3_xxs_impl, …_iq3_s_impl).
/// </summary>
internal abstract class PointCodec(PointFormat format) : IImportanceEncoder
{
    private const int MostSubBlocks = 16;
    private const int MostWeights = 32;
    private const int MostGroups = 8;
    private const int LargestScale = 15;

    private readonly PointSearch _search = new(format);

    public abstract GgmlType Type { get; }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        for (; !row.IsEmpty; row = row[Block.SuperLength..], importance = importance.IsEmpty ? default : importance[Block.SuperLength..], destination = destination[format.BlockBytes..])
            EncodeBlock(row[..Block.SuperLength], importance.IsEmpty ? default : importance[..Block.SuperLength], destination[..format.BlockBytes]);
    }

    public abstract void Decode(ReadOnlySpan<byte> source, Span<float> destination);

    /// <summary>Writes what a sub-block has for itself but the scale into a super-block that was zero.</summary>
    /// <param name="block">The super-block.</param>
    /// <param name="subBlock">Which of its sub-blocks.</param>
    /// <param name="written">How many were written before it: those of zeros are not.</param>
    /// <param name="indices">An index into the codebook for each group.</param>
    /// <param name="signs">The signs, 8 weights a byte.</param>
    protected abstract void Write(Span<byte> block, int subBlock, int written, ReadOnlySpan<int> indices, ReadOnlySpan<byte> signs);

    /// <summary>Writes the 4-bit scale of a sub-block.</summary>
    protected abstract void WriteScale(Span<byte> block, int subBlock, int scale);

    [SkipLocalsInit]
    private void EncodeBlock(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Span<byte> block)
    {
        block.Clear();
        Span<float> weights = stackalloc float[Block.SuperLength];
        Weigh(x, importance, weights);
        Span<float> scales = stackalloc float[MostSubBlocks];
        var largest = 0f;
        var written = 0;
        for (var sub = 0; sub < Block.SuperLength / format.SubLength; sub++)
        {
            var range = (sub * format.SubLength)..((sub + 1) * format.SubLength);
            scales[sub] = EncodeSubBlock(x[range], weights[range], block, sub, ref written);
            largest = largest > scales[sub] ? largest : scales[sub];
        }
        if (largest == 0)
        {
            // ggml leaves what it has written in place, or writes it only now.
            if (format.HasEvenSigns)
                block.Clear();
            return;
        }
        var d = largest / ((2 * LargestScale) + 1);
        Block.WriteF16(block, d * format.Correction);
        var inverse = 1 / d;
        for (var sub = 0; sub < Block.SuperLength / format.SubLength; sub++)
            WriteScale(block, sub, Math.Clamp(Rounding.Nearest(0.5f * ((inverse * scales[sub]) - 1)), 0, LargestScale));
    }

    /// <summary>Writes the points and signs of a sub-block; returns its scale.</summary>
    [SkipLocalsInit]
    private float EncodeSubBlock(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<byte> block, int sub, ref int written)
    {
        Span<float> magnitudes = stackalloc float[MostWeights];
        magnitudes = magnitudes[..x.Length];
        Span<byte> signs = stackalloc byte[MostWeights / 8];
        signs = signs[..(x.Length / 8)];
        if (format.HasEvenSigns)
            Magnitudes.SplitEvenly(x, weights, magnitudes, signs);
        else
            Magnitudes.Split(x, magnitudes, signs);
        var largest = Magnitudes.Largest(magnitudes);
        if (largest < format.Epsilon)
            return 0;

        var codebook = format.Codebook.Value;
        var scale = largest / codebook.TopLevel;
        if (format.BeginsWithPlainScale)
        {
            Span<byte> codes = stackalloc byte[MostWeights];
            scale = PositiveScales.Fit(magnitudes, weights, codebook.LargestCode + 2, codes);
            largest = scale * (codebook.LargestCode + 1);
            if (largest <= 0)
                return 0;
        }
        Span<ushort> points = stackalloc ushort[MostGroups];
        points = points[..(x.Length / codebook.Dimensions)];
        scale = _search.Run(magnitudes, weights, largest, scale, points);
        if (scale < 0)
        {
            scale = -scale;
            foreach (ref var sign in signs)
                sign = (byte)~sign;
        }
        else if (float.IsNaN(scale))
        {
            throw NearestPoint.NoNumbers();
        }
        Span<int> indices = stackalloc int[MostGroups];
        for (var group = 0; group < points.Length; group++)
            indices[group] = codebook.IndexOf(points[group]);
        Write(block, sub, written++, indices[..points.Length], signs);
        return scale;
    }

    private void Weigh(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Span<float> weights)
    {
        var mean = format.MeanFactor * Importance.SumOfSquares(x) / Block.SuperLength;
        if (!importance.IsEmpty)
        {
            Importance.Spread(x, importance, mean, weights);
            return;
        }
        // Without a share the mean may be infinite.
        var share = format.MeanShare == 0 ? 0 : format.MeanShare * mean;
        for (var i = 0; i < x.Length; i++)
            weights[i] = share + (x[i] * x[i]);
    }
}
