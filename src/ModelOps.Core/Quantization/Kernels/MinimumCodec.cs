using System.Runtime.CompilerServices;

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

    /// <summary>Super-blocks that are encoded together: so many that their sub-blocks fill two rows of lanes, and their factors one.</summary>
    private const int Batch = 8;

    private readonly ScaleMinimumSearch _weightedSearch = new(search.Maximum, -0.9f, 0.05f, 36, IsAbsolute: false);

    public abstract GgmlType Type { get; }

    private int SubBlocks => Block.SuperLength / subLength;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination) => EncodeBatches(source, default, destination);

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination) => EncodeBatches(row, importance, destination);

    public abstract void Decode(ReadOnlySpan<byte> source, Span<float> destination);

    /// <summary>Writes the stored scales and minimums and their two factors into a super-block.</summary>
    protected abstract void WriteScales(Span<byte> block, ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, float d, float dmin);

    /// <summary>The steps and the offsets of the sub-blocks as a reader of the super-block will see them.</summary>
    protected abstract void ReadScales(ReadOnlySpan<byte> block, Span<float> steps, Span<float> offsets);

    /// <summary>Writes the 256 codes to their place.</summary>
    protected abstract void Pack(ReadOnlySpan<byte> codes, Span<byte> block);

    [SkipLocalsInit]
    private void EncodeBatches(ReadOnlySpan<float> source, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        Span<float> room = stackalloc float[SubBlockFits.Numbers * Batch * MostSubBlocks];
        Span<float> factors = stackalloc float[2 * Batch];
        Span<byte> stored = stackalloc byte[2 * Batch * MostSubBlocks];
        while (!source.IsEmpty)
        {
            var blocks = Math.Min(Batch, source.Length / Block.SuperLength);
            var (length, subBlocks) = (blocks * Block.SuperLength, blocks * SubBlocks);
            var fits = new SubBlockFits(room[..(SubBlockFits.Numbers * subBlocks)]);
            if (importance.IsEmpty)
                Fit(source[..length], fits, stored[..(2 * subBlocks)], factors);
            else
                Fit(source[..length], importance[..length], fits, stored[..(2 * subBlocks)], factors);
            for (var i = 0; i < blocks; i++)
            {
                var at = i * SubBlocks;
                WriteScales(destination, stored.Slice(at, SubBlocks), stored.Slice(subBlocks + at, SubBlocks), factors[i], factors[blocks + i]);
                EncodeCodes(source[..Block.SuperLength], fits.Inverses.Slice(at, SubBlocks), fits.Origins.Slice(at, SubBlocks), destination[..blockBytes]);
                source = source[Block.SuperLength..];
                destination = destination[blockBytes..];
            }
            importance = importance.IsEmpty ? importance : importance[length..];
        }
    }

    /// <summary>Finds the scales of all sub-blocks, then those of all super-blocks, then their minimums.</summary>
    private void Fit(ReadOnlySpan<float> x, SubBlockFits fits, Span<byte> stored, Span<float> factors)
    {
        SubBlockScales.Find(search, x, subLength, weighting, default, fits);
        for (var row = 0; row * SubBlocks < stored.Length; row++)
            factors[row] = PositiveScales.RoundToLargest(fits.ScalesAndMinimums.Slice(row * SubBlocks, SubBlocks), largestScale, stored.Slice(row * SubBlocks, SubBlocks));
    }

    [SkipLocalsInit]
    private void Fit(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, SubBlockFits fits, Span<byte> stored, Span<float> factors)
    {
        Span<float> weights = stackalloc float[Batch * Block.SuperLength];
        Span<float> squares = stackalloc float[Batch];
        var blocks = x.Length / Block.SuperLength;
        Importance.SumsOfSquares(x, Block.SuperLength, squares[..blocks]);
        for (var i = 0; i < blocks; i++)
        {
            var at = i * Block.SuperLength;
            Importance.Spread(x.Slice(at, Block.SuperLength), importance.Slice(at, Block.SuperLength), meanFactor * squares[i] / Block.SuperLength, weights[at..]);
        }
        SubBlockScales.Find(_weightedSearch, x, subLength, SubBlockWeighting.Given, weights, fits);
        // What a sub-block counts is the same for its scale and its minimum.
        Span<float> counts = stackalloc float[2 * Batch * MostSubBlocks];
        fits.Weights.CopyTo(counts);
        fits.Weights.CopyTo(counts[fits.Weights.Length..]);
        PositiveScales.Fit(fits.ScalesAndMinimums, counts, SubBlocks, largestScale, stored, factors);
    }

    /// <summary>Rounds again with the scales as stored. Where one is zero the codes of the search stay, as in ggml; they are multiplied by nothing.</summary>
    [SkipLocalsInit]
    private void EncodeCodes(ReadOnlySpan<float> x, ReadOnlySpan<float> inverses, ReadOnlySpan<float> origins, Span<byte> block)
    {
        Span<float> steps = stackalloc float[MostSubBlocks];
        Span<float> offsets = stackalloc float[MostSubBlocks];
        Span<byte> codes = stackalloc byte[Block.SuperLength];
        ReadScales(block, steps, offsets);
        for (var sub = 0; sub < inverses.Length; sub++)
        {
            var from = x.Slice(sub * subLength, subLength);
            var to = codes.Slice(sub * subLength, subLength);
            if (steps[sub] != 0)
                SubBlockCodes.Encode(from, offsets[sub], steps[sub], 0, search.Maximum, to);
            else
                SubBlockCodes.EncodeFitted(from, origins[sub], inverses[sub], search.Maximum, to);
        }
        Pack(codes, block);
    }
}
