using System.Diagnostics;
using ModelOps.Tests.Transfer.Faults;

namespace ModelOps.Benchmarks.Transfer;

/// <summary>One download, killed at random moments: what is sent again, and whether a name ever lies.</summary>
internal static class KillsBenchmark
{
    private const int Kills = 20;
    private const long ModelBytes = 2L << 30;
    /// <summary>Slow enough that what was sent has arrived, for the counts are the server's.</summary>
    private const int BytesPerSecond = 25_000_000;

    public static async Task RunAsync(TransferBenchmark.Settings settings)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        using var model = new RandomModel(settings.Size(ModelBytes), folder: settings.Folder);
        await using FaultServer server = await FaultServer.StartAsync(model.Directory);
        server.Fault = NetworkFaults.Paced(BytesPerSecond).OnContent();
        using var pull = new MeasuredPull(settings.Folder, server.Endpoint);
        var table = new Table($"{Table.Size(model.Bytes)}, killed {Kills} times (seed {seed})", "what", "result");

        // Moments in bytes of the whole: each run is killed when it passes its own.
        long[] moments = [.. Enumerable.Range(0, Kills).Select(_ => random.NextInt64(model.Bytes)).Order()];
        long before = 0, sent = 0, wrong = 0;
        var open = new List<int>();
        foreach (long moment in moments)
        {
            long limit = moment - before;
            before = moment;
            server.Forget();
            await pull.RunAsync(process => server.Sent = bytes =>
            {
                if (bytes < limit)
                    return;
                server.Sent = null;
                open.Add(server.ContentRequests.Count(request => !request.IsFinished));
                Kill(process);
            });
            server.Sent = null;
            sent += server.ContentBytes;
            wrong += pull.Wrong(model).Count();
        }
        server.Forget();
        (await pull.RunAsync()).Good();
        sent += server.ContentBytes;

        table.Row("result identical", pull.IsComplete(model) ? "yes" : "NO");
        table.Row("names that stood for something unverified, looked for after each kill", $"{wrong}");
        table.Row("sent in all", $"{Table.Size(sent)}");
        table.Row("sent again in all", Table.Size(sent - model.Bytes));
        table.Row("sent again, a kill", Table.Size((sent - model.Bytes) / Kills));
        table.Row("connections open at a kill, mean", Table.Number(open.Average()));
        table.Row("sent again, a kill and connection", Table.Size((long)((sent - model.Bytes) / Kills / Math.Max(open.Average(), 1))));
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has just ended by itself.
        }
    }
}
