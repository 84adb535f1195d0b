using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using ModelOps.Tests;

namespace ModelOps.Benchmarks.Serving;

/// <summary>A server under many clients, some of them greedy, that go away at random moments: errors, leaks, fairness.</summary>
internal static class ServeBenchmark
{
    public const string Help = "[MODEL.gguf] [--seconds N] [--clients N]: modelops serve under 64 clients for 2 minutes, one in eight of them with 8 requests at once; a fifth of all requests is given up";

    private const int GreedyEvery = 8;
    private const int GreedyAtOnce = 8;
    private const int Parallel = 8;

    public static async Task RunAsync(string[] args)
    {
        int seconds = Option(args, "--seconds", 120);
        int clients = Option(args, "--clients", 64);
        string folder = Directory.CreateTempSubdirectory("modelops-serve-").FullName;
        try
        {
            string model = args.FirstOrDefault(arg => arg.EndsWith(".gguf", StringComparison.Ordinal)) ?? await DemoAsync(folder);
            string keys = Path.Combine(folder, "keys");
            string watcher = "watcher";
            string[] names = [.. Enumerable.Range(0, clients).Select(i => $"key-{i}")];
            await File.WriteAllLinesAsync(keys, [watcher, .. names]);
            await using ServedProcess server = await ServedProcess.StartAsync(["--api-key-file", keys, "--parallel", $"{Parallel}", "--queue", "1000", "--context", "4096", "--gpu-layers", "0", model]);
            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = 1000 }) { BaseAddress = server.Endpoint, Timeout = System.Threading.Timeout.InfiniteTimeSpan };

            // Until everything that is made once is made.
            await RunAsync(http, names, TimeSpan.FromSeconds(Math.Min(10, seconds / 4.0)));
            await QuietAsync(http, watcher);
            (Usage serverBefore, Usage workerBefore) = server.Read();
            List<ServeClient> all = await RunAsync(http, names, TimeSpan.FromSeconds(seconds));
            await QuietAsync(http, watcher);
            (Usage serverAfter, Usage workerAfter) = server.Read();
            Print(all, seconds, (serverBefore, workerBefore), (serverAfter, workerAfter));
            if (all.Sum(client => client.Errors.Count) > 0)
                throw new BenchmarkException("There were errors.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<List<ServeClient>> RunAsync(HttpClient http, string[] keys, TimeSpan time)
    {
        using var end = new CancellationTokenSource(time);
        List<ServeClient> clients = [.. keys.Select((key, i) => new ServeClient(http, key, i))];
        await Task.WhenAll(clients.Select((client, i) => client.RunAsync(IsGreedy(i) ? GreedyAtOnce : 1, end.Token)));
        return clients;
    }

    /// <summary>Waits until nothing runs or waits any more: what clients gave up must not go on.</summary>
    private static async Task QuietAsync(HttpClient http, string key)
    {
        for (int i = 0; i < 100; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/status") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", key) } };
            using HttpResponseMessage response = await http.SendAsync(request);
            JsonElement model = JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("models")[0];
            if (model.GetProperty("running").GetInt32() + model.GetProperty("waiting").GetInt32() == 0)
                return;
            await Task.Delay(100);
        }
        throw new BenchmarkException("Requests that nobody waits for still run after 10 seconds.");
    }

    private static void Print(List<ServeClient> all, int seconds, (Usage Server, Usage Worker) before, (Usage Server, Usage Worker) after)
    {
        List<ServeClient> modest = [.. all.Where((_, i) => !IsGreedy(i))];
        List<ServeClient> greedy = [.. all.Where((_, i) => IsGreedy(i))];
        double[] times = [.. all.SelectMany(client => client.Seconds).Order()];
        var table = new Table($"{all.Count} clients, {greedy.Count} of them with {GreedyAtOnce} requests at once, for {seconds} s; {Parallel} answers at once", "what", "result");
        table.Row("answers read to their end", $"{all.Sum(client => client.Whole)}");
        table.Row("answers given up in the middle", $"{all.Sum(client => client.Left)}");
        table.Row("errors", $"{all.Sum(client => client.Errors.Count)}");
        table.Row("seconds of an answer, median and 99 % of them", $"{Table.Seconds(times[times.Length / 2])}, {Table.Seconds(times[times.Length * 99 / 100])}");
        table.Row("answers of a client with one request at a time: fewest, mean, most", $"{modest.Min(client => client.Whole)}, {Table.Number(modest.Average(client => client.Whole))}, {modest.Max(client => client.Whole)}");
        table.Row("answers of a client with eight: fewest, mean, most", $"{greedy.Min(client => client.Whole)}, {Table.Number(greedy.Average(client => client.Whole))}, {greedy.Max(client => client.Whole)}");
        table.Row("server before", $"{before.Server}");
        table.Row("server after", $"{after.Server}");
        table.Row("worker before", $"{before.Worker}");
        table.Row("worker after", $"{after.Worker}");
        foreach (IGrouping<string, string> error in all.SelectMany(client => client.Errors).GroupBy(error => error).Take(5))
            Console.Error.WriteLine($"{error.Count()} × {error.Key}");
    }

    private static bool IsGreedy(int number) => number % GreedyEvery == 0;

    private static async Task<string> DemoAsync(string folder)
    {
        string path = Path.Combine(folder, "demo-gemma.Q8_0.gguf");
        await ModelConverter.RunAsync(ConversionPlan.Create(TestPaths.Model("demo-gemma"), path, new ConversionOptions { Type = "Q8_0" }));
        return path;
    }

    private static int Option(string[] args, string name, int usual)
        => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length && int.TryParse(args[at + 1], NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : usual;
}
