namespace ModelOps.Quantization;

/// <summary>The types with blocks of 32 under an importance matrix, which is spread with the mean square of the whole row.</summary>
internal static class SimpleBlocks
{
    /// <summary>Blocks that are searched together.</summary>
    private const int Batch = 32;

    /// <summary>Writes a block of a scale and codes.</summary>
    public delegate void WriteScale(float scale, ReadOnlySpan<byte> codes, Span<byte> block);

    /// <summary>Writes a block of a scale, what is subtracted, and codes.</summary>
    public delegate void WriteScaleAndMinimum(float scale, float minimum, ReadOnlySpan<byte> codes, Span<byte> block);

    /// <summary>Encodes a row of a type with a scale.</summary>
    public static void Encode(ScaleSearch search, ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination, int blockBytes, WriteScale write)
    {
        Span<float> weights = stackalloc float[Batch * Block.Length];
        Span<float> scales = stackalloc float[Batch];
        Span<byte> codes = stackalloc byte[Batch * Block.Length];
        var mean = Importance.SumOfSquares(row) / row.Length;
        while (!row.IsEmpty)
        {
            var count = Math.Min(Batch * Block.Length, row.Length);
            Importance.Spread(row[..count], importance[..count], mean, weights);
            SignedScales.Find(search, row[..count], Block.Length, weights, scales[..(count / Block.Length)], codes);
            for (var block = 0; block < count / Block.Length; block++, destination = destination[blockBytes..])
                write(scales[block], codes.Slice(block * Block.Length, Block.Length), destination[..blockBytes]);
            row = row[count..];
            importance = importance[count..];
        }
    }

    /// <summary>Encodes a row of a type with a scale and a minimum.</summary>
    public static void Encode(ScaleMinimumSearch search, ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination, int blockBytes, WriteScaleAndMinimum write)
    {
        Span<float> weights = stackalloc float[Batch * Block.Length];
        Span<float> room = stackalloc float[SubBlockFits.Numbers * Batch];
        Span<byte> codes = stackalloc byte[Block.Length];
        var mean = Importance.SumOfSquares(row) / row.Length;
        while (!row.IsEmpty)
        {
            var count = Math.Min(Batch * Block.Length, row.Length);
            var blocks = count / Block.Length;
            var fits = new SubBlockFits(room[..(SubBlockFits.Numbers * blocks)]);
            Importance.Spread(row[..count], importance[..count], mean, weights);
            SubBlockScales.Find(search, row[..count], Block.Length, SubBlockWeighting.Given, weights, fits);
            for (var block = 0; block < blocks; block++, destination = destination[blockBytes..])
            {
                SubBlockCodes.EncodeFitted(row.Slice(block * Block.Length, Block.Length), fits.Origins[block], fits.Inverses[block], search.Maximum, codes);
                write(fits.Scales[block], fits.Minimums[block], codes, destination[..blockBytes]);
            }
            row = row[count..];
            importance = importance[count..];
        }
    }
}
