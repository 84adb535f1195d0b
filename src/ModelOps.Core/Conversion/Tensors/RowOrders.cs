namespace ModelOps.Conversion;

/// <summary>The row orders that architectures need.</summary>
internal static class RowOrders
{
    /// <summary>
    /// Undoes the library's split of rotary pairs: it keeps the first halves of all pairs of a head, then the second halves;
    /// ggml's "normal" RoPE wants each pair side by side (LlamaModel.permute of llama.cpp's converter).
    /// </summary>
    /// <param name="heads">Heads that the rows are divided among: those of q, or the key/value heads for k.</param>
    /// <param name="rows">Rows in all.</param>
    public static RowOrder RotaryPairs(long heads, long rows)
    {
        var headRows = rows / heads;
        var half = headRows / 2;
        return row =>
        {
            var (head, inHead) = Math.DivRem(row, headRows);
            return (head * headRows) + (inHead % 2 * half) + (inHead / 2);
        };
    }

    /// <summary>
    /// Heads that belong to groups, stored group by group, go round the groups: the first of each, then the second of each
    /// (_LinearAttentionVReorderBase of llama.cpp's converter).
    /// </summary>
    /// <param name="groups">Groups of heads.</param>
    /// <param name="perGroup">Heads of each group.</param>
    /// <param name="headRows">Rows of a head.</param>
    /// <param name="first">Rows before the first head, which stay.</param>
    public static RowOrder Tiled(long groups, long perGroup, long headRows, long first = 0) => row =>
    {
        if (row < first)
            return row;
        var (head, inHead) = Math.DivRem(row - first, headRows);
        var (inGroup, group) = Math.DivRem(head, groups);
        return first + (((group * perGroup) + inGroup) * headRows) + inHead;
    };

    /// <summary>The same part of every block: rows <paramref name="first"/> and on, <paramref name="rows"/> of each.</summary>
    public static RowOrder PartOfBlocks(long rows, long blockRows, long first) => row => (row / rows * blockRows) + first + (row % rows);

    /// <summary>Single weights of square patches of three colours by channel, row and column, which some libraries have by row, column and channel.</summary>
    /// <param name="side">Pixels of a patch's side.</param>
    public static RowOrder ChannelsFirst(long side) => position =>
    {
        var (patch, inPatch) = Math.DivRem(position, 3 * side * side);
        var (channel, pixel) = Math.DivRem(inPatch, side * side);
        return (patch * 3 * side * side) + (pixel * 3) + channel;
    };
}
