using ModelOps.Server;
using ModelOps.Tests.Transfer.Faults;

namespace ModelOps.Benchmarks.Transfer;

/// <summary>The most memory that a download takes, by size of the model.</summary>
internal static class MemoryBenchmark
{
    private static readonly long[] ModelBytes = [256L << 20, 2L << 30, 8L << 30];

    public static async Task RunAsync(TransferBenchmark.Settings settings)
    {
        var table = new Table("Peak of resident memory (VmHWM)", "model", "modelops pull", "processor time");
        foreach (long bytes in settings.Bytes is { } one ? [one] : ModelBytes)
        {
            if (new DriveInfo(settings.Folder).AvailableFreeSpace < 3 * bytes)
            {
                table.Row(Table.Size(bytes), "not enough disk", "");
                continue;
            }
            using var model = new RandomModel(bytes, folder: settings.Folder);
            await using HubServer server = await HubServer.StartAsync(new HubServerOptions { Directory = model.Directory });
            using var pull = new MeasuredPull(settings.Folder, server.Endpoint);
            Measured measured = (await pull.RunAsync()).Good();
            table.Row(Table.Size(bytes), Table.Size(measured.PeakBytes), Table.Seconds(measured.ProcessorSeconds));
        }
    }
}
