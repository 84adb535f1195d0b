using System.Diagnostics;
using ModelOps.Server;
using ModelOps.Tests.Transfer.Faults;

namespace ModelOps.Benchmarks.Transfer;

/// <summary>An unlimited server on this machine: the download, with its check, against <c>curl</c> and then <c>sha256sum</c>.</summary>
internal static class LoopbackBenchmark
{
    private const long ModelBytes = 2L << 30;
    /// <summary>The second knows the processor's instructions for it, which many builds of the first do not: the harder mark.</summary>
    private static readonly string[] Checks = ["sha256sum", "openssl dgst -sha256"];

    public static async Task RunAsync(TransferBenchmark.Settings settings)
    {
        using var model = new RandomModel(settings.Size(ModelBytes), folder: settings.Folder);
        await using HubServer server = await HubServer.StartAsync(new HubServerOptions { Directory = model.Directory });
        foreach (string check in Checks)
            await CompareAsync(settings, server, model, check);
    }

    private static async Task CompareAsync(TransferBenchmark.Settings settings, HubServer server, RandomModel model, string check)
    {
        var table = new Table($"{Table.Size(model.Bytes)} over loopback, no limit", "pair", $"curl, then {check}", "modelops pull", "ratio", "processor time of each");
        // Once for each unmeasured, so that the server's digests and the system's caches are as they stay.
        await CurlAsync(settings, server.Endpoint, model, check);
        await PullAsync(settings, server.Endpoint);
        var ratios = new List<double>();
        for (int i = 1; i <= settings.Pairs; i++)
        {
            Measured curl = await CurlAsync(settings, server.Endpoint, model, check);
            Measured pull = await PullAsync(settings, server.Endpoint);
            ratios.Add(pull.Seconds / curl.Seconds);
            table.Row($"{i}", Table.Seconds(curl.Seconds), Table.Seconds(pull.Seconds), Table.Number(ratios[^1]), $"{Table.Seconds(curl.ProcessorSeconds)}, {Table.Seconds(pull.ProcessorSeconds)}");
        }
        table.Row("median", "", "", Table.Number(Table.Median(ratios)), "");
    }

    private static async Task<Measured> CurlAsync(TransferBenchmark.Settings settings, Uri endpoint, RandomModel model, string check)
    {
        string path = Path.Combine(settings.Folder, "curl-" + Path.GetRandomFileName());
        try
        {
            string address = $"{endpoint.AbsoluteUri}{RandomModel.Repository}/resolve/main/{RandomModel.WeightsName}";
            Measured measured = await Measured.RunAsync(new ProcessStartInfo("/bin/sh", ["-c", $"curl -sSfL --noproxy '*' -o \"$0\" \"$1\" && {check} < \"$0\" | grep -q \"$2\"", path, address, model.Sha256]));
            return measured.Good();
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<Measured> PullAsync(TransferBenchmark.Settings settings, Uri endpoint)
    {
        using var pull = new MeasuredPull(settings.Folder, endpoint);
        return (await pull.RunAsync()).Good();
    }
}
