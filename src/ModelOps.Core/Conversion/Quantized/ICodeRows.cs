namespace ModelOps.Conversion;

/// <summary>Integer codes, row by row, however they are packed.</summary>
internal interface ICodeRows
{
    /// <summary>Writes the codes of rows, [rows, row length]; from any thread.</summary>
    void Read(CheckpointReader reader, long firstRow, Span<short> destination);
}
