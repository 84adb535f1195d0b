namespace ModelOps.Conversion;

/// <summary>Which of many are looked at: runs of neighbours, evenly over all, because a hub is asked once for each run.</summary>
internal static class SampledRuns
{
    private const int MostRuns = 4;

    /// <summary>Numbers of a run: those of a whole matrix of a small model, and 64 KiB of any.</summary>
    private const int RunLength = 1 << 14;

    /// <param name="count">How many there are.</param>
    /// <param name="numbers">Numbers that each has.</param>
    public static IEnumerable<(long First, int Count)> Of(long count, int numbers)
    {
        var length = Math.Clamp(RunLength / numbers, 1, count);
        var runs = Math.Min(MostRuns, count / length);
        for (var run = 0; run < runs; run++)
            yield return (runs == 1 ? 0 : (count - length) * run / (runs - 1), (int)length);
    }
}
