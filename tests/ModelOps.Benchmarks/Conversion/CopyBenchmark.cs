namespace ModelOps.Benchmarks.Conversion;

/// <summary>
/// BF16 to BF16 against <c>cp</c> of the same weights, in turn. Before each run the source is read once, as far as memory holds it, and everything is on
/// the disk; each run ends when its result is on the disk (fsync).
/// </summary>
internal static class CopyBenchmark
{
    private const long CheckpointBytes = 4_000_000_000;

    public static async Task RunAsync(ConversionBenchmark.Settings settings)
    {
        using var checkpoint = new LargeCheckpoint(settings.Folder, settings.Bytes ?? CheckpointBytes);
        var table = new Table($"{Table.Size(checkpoint.Bytes)}, BF16 to BF16 {string.Join(' ', settings.Options)}", "pair", "cp, sync", "modelops convert", "speed of cp's", "processor time of each");
        var ratios = new List<double>();
        for (int i = 1; i <= settings.Pairs; i++)
        {
            await checkpoint.SettleAsync();
            Measured copy = (await checkpoint.CopyAsync()).Good();
            await checkpoint.SettleAsync();
            Measured conversion = (await checkpoint.ConvertAsync(settings.Options)).Good();
            ratios.Add(copy.Seconds / conversion.Seconds);
            table.Row($"{i}", Table.Seconds(copy.Seconds), Table.Seconds(conversion.Seconds), Table.Number(ratios[^1]), $"{Table.Seconds(copy.ProcessorSeconds)}, {Table.Seconds(conversion.ProcessorSeconds)}");
        }
        table.Row("median", "", "", Table.Number(Table.Median(ratios)), "");
    }
}
