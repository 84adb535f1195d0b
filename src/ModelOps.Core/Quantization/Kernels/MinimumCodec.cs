namespace ModelOps.Quantization;

/// <summary>
/// What Q2_K, Q4_K and Q5_K have in common: super-blocks of 256 in sub-blocks that each have a scale and a minimum, both small integers
/// times a number of the super-block; y = d · scale · q − dmin · minimum.
/// </summary>
/// <param name="blockBytes">Bytes of a super-block.</param>
/// <param name="subLength">Weights of a sub-block.</param>
/// <param name="largestScale">The largest scale or minimum that can be stored.</param>
/// <param name="search">The search without an importance matrix.</param>
/// <param name="weighting">What each weight counts in it.</param>
/// <param name="meanFactor">What the mean square of the super-block is multiplied by where an importance is spread with it.</param>
internal abstract class MinimumCodec(int blockBytes, int subLength, int largestScale, ScaleMinimumSearch search, SubBlockWeighting weighting, float meanFactor) : IImportanceCodec
{
    private const int MostSubBlocks = 16;

    /// <summary>Super-blocks whose sub-blocks are searched together.</summary>
    private const int Batch = 4;

    private readonly ScaleMinimumSearch _weightedSearch = new(search.Maximum, -0.9f, 0.05f, 36, IsAbsolute: false);

    public abstract GgmlType Type { get; }

    private int SubBlocks => Block.SuperLength / subLength;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<float> scales = stackalloc float[Batch * MostSubBlocks];
        Span<float> minimums = stackalloc float[Batch * MostSubBlocks];
        Span<byte> scaleCodes = stackalloc byte[MostSubBlocks];
        Span<byte> minimumCodes = stackalloc byte[MostSubBlocks];
        Span<byte> codes = stackalloc byte[Batch * Block.SuperLength];
        while (!source.IsEmpty)
        {
            var blocks = Math.Min(Batch, source.Length / Block.SuperLength);
            SubBlockScales.Find(search, source[..(blocks * Block.SuperLength)], subLength, weighting, default, scales[..(blocks * SubBlocks)], minimums[..(blocks * SubBlocks)], codes);
            for (var i = 0; i < blocks; i++)
            {
                var d = RoundToLargest(scales.Slice(i * SubBlocks, SubBlocks), scaleCodes);
                var dmin = RoundToLargest(minimums.Slice(i * SubBlocks, SubBlocks), minimumCodes);
                WriteScales(destination, scaleCodes[..SubBlocks], minimumCodes[..SubBlocks], d, dmin);
                EncodeCodes(source[..Block.SuperLength], codes.Slice(i * Block.SuperLength, Block.SuperLength), destination[..blockBytes]);
                source = source[Block.SuperLength..];
                destination = destination[blockBytes..];
            }
        }
    }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        Span<float> scales = stackalloc float[MostSubBlocks];
        Span<float> minimums = stackalloc float[MostSubBlocks];
        Span<byte> scaleCodes = stackalloc byte[MostSubBlocks];
        Span<byte> minimumCodes = stackalloc byte[MostSubBlocks];
        Span<float> weights = stackalloc float[Block.SuperLength];
        Span<float> sums = stackalloc float[MostSubBlocks];
        Span<byte> codes = stackalloc byte[Block.SuperLength];
        for (; !row.IsEmpty; row = row[Block.SuperLength..], importance = importance[Block.SuperLength..], destination = destination[blockBytes..])
        {
            var x = row[..Block.SuperLength];
            Importance.Spread(x, importance[..Block.SuperLength], meanFactor * Importance.SumOfSquares(x) / Block.SuperLength, weights);
            Importance.Sum(weights, subLength, sums);
            SubBlockScales.Find(_weightedSearch, x, subLength, SubBlockWeighting.Given, weights, scales[..SubBlocks], minimums[..SubBlocks], codes);
            var d = PositiveScales.Fit(scales[..SubBlocks], sums, largestScale, scaleCodes);
            var dmin = PositiveScales.Fit(minimums[..SubBlocks], sums, largestScale, minimumCodes);
            WriteScales(destination, scaleCodes[..SubBlocks], minimumCodes[..SubBlocks], d, dmin);
            EncodeCodes(x, codes, destination[..blockBytes]);
        }
    }

    public abstract void Decode(ReadOnlySpan<byte> source, Span<float> destination);

    /// <summary>Writes the stored scales and minimums and their two factors into a super-block.</summary>
    protected abstract void WriteScales(Span<byte> block, ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, float d, float dmin);

    /// <summary>The step and the offset of a sub-block as a reader of the super-block will see them.</summary>
    protected abstract (float Step, float Offset) ReadScale(ReadOnlySpan<byte> block, int subBlock);

    /// <summary>Writes the 256 codes to their place.</summary>
    protected abstract void Pack(ReadOnlySpan<byte> codes, Span<byte> block);

    private float RoundToLargest(ReadOnlySpan<float> values, Span<byte> codes)
    {
        var largest = 0f;
        foreach (var value in values)
            largest = value > largest ? value : largest;
        var inverse = largest > 0 ? largestScale / largest : 0f;
        // A byte first, as in ggml: a negative one is large.
        for (var i = 0; i < values.Length; i++)
            codes[i] = Math.Min((byte)largestScale, unchecked((byte)Rounding.Nearest(inverse * values[i])));
        return largest / largestScale;
    }

    /// <summary>Rounds again with the scales as stored. Where one is zero the codes of the search stay, as in ggml; they are multiplied by nothing.</summary>
    private void EncodeCodes(ReadOnlySpan<float> x, Span<byte> codes, Span<byte> block)
    {
        for (var sub = 0; sub < SubBlocks; sub++)
        {
            var (step, offset) = ReadScale(block, sub);
            if (step != 0)
                SubBlockCodes.Encode(x.Slice(sub * subLength, subLength), offset, step, 0, search.Maximum, codes.Slice(sub * subLength, subLength));
        }
        Pack(codes, block);
    }
}
