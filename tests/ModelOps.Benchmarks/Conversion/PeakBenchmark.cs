namespace ModelOps.Benchmarks.Conversion;

/// <summary>The most memory that a conversion takes, by size of the checkpoint.</summary>
internal static class PeakBenchmark
{
    private static readonly long[] CheckpointBytes = [4_000_000_000, 8_000_000_000];

    public static async Task RunAsync(ConversionBenchmark.Settings settings)
    {
        var table = new Table("Peak of resident memory (VmHWM)", "checkpoint", "modelops convert", "time");
        foreach (long bytes in settings.Bytes is { } one ? [one, 2 * one] : CheckpointBytes)
        {
            if (new DriveInfo(settings.Folder).AvailableFreeSpace < 3 * bytes)
            {
                table.Row(Table.Size(bytes), "not enough disk", "");
                continue;
            }
            using var checkpoint = new LargeCheckpoint(settings.Folder, bytes);
            Measured measured = (await checkpoint.ConvertAsync(settings.Options)).Good();
            table.Row(Table.Size(checkpoint.Bytes), Table.Size(measured.PeakBytes), Table.Seconds(measured.Seconds));
        }
    }
}
