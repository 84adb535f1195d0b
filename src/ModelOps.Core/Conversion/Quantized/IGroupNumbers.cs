namespace ModelOps.Conversion;

/// <summary>One number for each group of each row: scales, zeros or biases, however they are stored.</summary>
internal interface IGroupNumbers
{
    /// <summary>Writes the numbers of rows, [rows, groups of a row]; from any thread.</summary>
    void Read(CheckpointReader reader, long firstRow, Span<float> destination);
}
