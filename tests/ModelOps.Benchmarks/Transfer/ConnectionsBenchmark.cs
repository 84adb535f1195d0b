using ModelOps.Tests.Transfer.Faults;

namespace ModelOps.Benchmarks.Transfer;

/// <summary>A server that gives each connection 20 MB/s: how much more eight bring than one.</summary>
internal static class ConnectionsBenchmark
{
    private const int BytesPerSecond = 20_000_000;
    private const long ModelBytes = 2L << 30;

    public static async Task RunAsync(TransferBenchmark.Settings settings)
    {
        using var model = new RandomModel(settings.Size(ModelBytes), folder: settings.Folder);
        await using FaultServer server = await FaultServer.StartAsync(model.Directory);
        server.Fault = NetworkFaults.Paced(BytesPerSecond).OnContent();
        // The server's digests are not what is measured.
        using (var hub = new HubClient(new HubOptions { Endpoint = server.Endpoint }))
            await hub.GetVariantsAsync(RandomModel.Repository);
        var table = new Table($"{Table.Size(model.Bytes)}, 20 MB/s a connection", "connections", "time", "MB/s", "ratio");
        double one = 0;
        foreach (int connections in (int[])[1, 8])
        {
            using var pull = new MeasuredPull(settings.Folder, server.Endpoint);
            Measured measured = (await pull.RunAsync(null, "--connections", $"{connections}")).Good();
            one = connections == 1 ? measured.Seconds : one;
            table.Row($"{connections}", Table.Seconds(measured.Seconds), Table.Number(model.Bytes / measured.Seconds / 1e6), $"{Table.Number(one / measured.Seconds)}×");
        }
    }
}
