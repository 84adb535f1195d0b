namespace ModelOps.Quantization;

/// <summary>Writes a lattice's rows as blocks of a ggml type that has the same lattice: codes are moved, nothing is rounded that fits.</summary>
internal static class LatticePacking
{
    /// <summary>Writes rows. A block that the type cannot hold is rounded as any other weights would be.</summary>
    /// <param name="blocks">The type.</param>
    /// <param name="rows">The rows, with groups of neighbours.</param>
    /// <param name="weights">Their weights (<see cref="LatticeRows.ToWeights"/>).</param>
    /// <param name="destination">Room for the blocks.</param>
    public static void Pack(BlockLattice blocks, LatticeRows rows, ReadOnlySpan<float> weights, Span<byte> destination)
    {
        var (length, bytes) = (blocks.BlockLength, blocks.Type.BlockBytes());
        for (var row = 0; row < rows.Rows; row++)
        {
            var codes = rows.Codes.Slice(row * rows.RowLength, rows.RowLength);
            for (var column = 0; column < codes.Length; column += length, destination = destination[bytes..])
            {
                var block = codes.Slice(column, length);
                var (least, most) = Range(block);
                if (blocks.TryPlace(rows.Group(row, column / rows.GroupLength), least, most) is { } place)
                    blocks.Write(place, block, destination);
                else
                    TensorQuantizer.Quantize(blocks.Type, weights.Slice((row * rows.RowLength) + column, length), destination, length);
            }
        }
    }

    private static (int Least, int Most) Range(ReadOnlySpan<short> codes)
    {
        var (least, most) = (codes[0], codes[0]);
        foreach (var code in codes)
            (least, most) = (Math.Min(least, code), Math.Max(most, code));
        return (least, most);
    }
}
