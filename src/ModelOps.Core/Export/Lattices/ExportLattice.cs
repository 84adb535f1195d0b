using ModelOps.Conversion;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>Codes and scales of a matrix, wherever they come from: a quantised checkpoint, a GGUF, weights that were trained on a lattice, or rounding.</summary>
internal abstract class ExportLattice
{
    /// <summary>Bits of a code; codes begin at 0.</summary>
    public abstract int Bits { get; }

    /// <summary>Weights of a row that share a scale, where they are neighbours.</summary>
    public abstract int GroupLength { get; }

    /// <summary>Whether offsets are added to the products; otherwise they are codes that stand for zero.</summary>
    public virtual bool IsBiased => false;

    /// <summary>Rows whose scales and offsets are looked at when an export is planned: first row and how many.</summary>
    public abstract IEnumerable<(long First, int Rows)> Surveyed { get; }

    /// <summary>The group of each weight of a row; null where those of a group are neighbours.</summary>
    public virtual ReadOnlyMemory<int>? ReadGroupOf(CheckpointReader reader) => null;

    /// <summary>Reads rows, and the weights that they stand for in the source. The caller disposes of them; from any thread.</summary>
    /// <param name="reader">The source's files.</param>
    /// <param name="firstRow">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="weights">Room for the weights, [rows, row length].</param>
    public abstract LatticeRows Read(CheckpointReader reader, long firstRow, int rows, Span<float> weights);

    /// <summary>Reads the scales and offsets of rows only, [rows, groups].</summary>
    public abstract (float[] Scales, float[] Offsets) ReadGroups(CheckpointReader reader, long firstRow, int rows);

    /// <summary>A few runs of rows, evenly over a matrix.</summary>
    protected static IEnumerable<(long First, int Rows)> Sample(long rows)
    {
        const int Runs = 4, RowsOfRun = 4;
        if (rows <= Runs * RowsOfRun)
            return [(0, (int)rows)];
        return Enumerable.Range(0, Runs).Select(run => (rows * ((2 * run) + 1) / (2 * Runs), RowsOfRun));
    }
}
