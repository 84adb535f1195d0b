using System.Diagnostics;
using System.Globalization;
using ModelOps.Tests;

namespace ModelOps.Benchmarks;

/// <summary>What a worker process costs: the time to the first token of a warm one, against the same engine in this process, turn about.</summary>
internal static class WorkerBenchmark
{
    public const string Help = "[MODEL.gguf] [--rounds N]: time to the first token, and of 64 tokens, from a warm worker and in this process; demo-llama in Q8_0 when no model is named";

    public static async Task RunAsync(string[] args)
    {
        var (model, rounds) = ((string?)null, 40);
        for (int i = 0; i < args.Length; i++)
        {
            if (i + 1 < args.Length && args[i] == "--rounds" && int.TryParse(args[++i], NumberStyles.None, CultureInfo.InvariantCulture, out int asked))
                rounds = asked;
            else
                model = args[i];
        }
        var folder = Directory.CreateTempSubdirectory("modelops-worker-").FullName;
        try
        {
            if (model is null)
            {
                model = Path.Combine(folder, "demo-llama-Q8_0.gguf");
                await ModelConverter.RunAsync(ConversionPlan.Create(TestPaths.Model("demo-llama"), model, new ConversionOptions { Type = "Q8_0" }));
            }
            EngineOptions options = new() { ModelPath = Path.GetFullPath(model), Parameters = new() { ContextLength = 2048, GpuLayers = 0 } };
            await using InProcessRunner here = new();
            string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            await using WorkerRunner there = new(["dotnet", Path.Combine(TestPaths.RepositoryRoot, "src", "ModelOps.Cli", "bin", configuration, "net10.0", "modelops.dll"), "worker", "--pipe", "{pipe}"]);
            await here.LoadAsync(options);
            await there.LoadAsync(options);
            var table = new Table($"{Path.GetFileName(model)}: medians of {rounds} rounds, turn about", "", "in process", "worker", "more", "worst of the rounds' more");
            await CompareAsync("first token, short prompt", "", 1, here, there, rounds, table);
            await CompareAsync("first token, prompt of 250 words", string.Concat(Enumerable.Repeat("Once upon a time. ", 62)), 1, here, there, rounds, table);
            await CompareAsync("64 tokens", "", 64, here, there, rounds, table);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task CompareAsync(string name, string prompt, int tokens, IModelRunner here, IModelRunner there, int rounds, Table table)
    {
        List<double> inProcess = [], inWorker = [];
        for (int round = -3; round < rounds; round++)
        {
            // Another beginning each time: what was remembered of an earlier prompt is of no use.
            GenerationRequest request = new() { Prompt = $"{round + 100} {prompt}", Raw = true, Temperature = 0, MaxTokens = tokens };
            double first = await TimeAsync(here, request), second = await TimeAsync(there, request);
            if (round >= 0) // the first few warm both up
            {
                inProcess.Add(first);
                inWorker.Add(second);
            }
        }
        table.Row(name, Milliseconds(Table.Median(inProcess)), Milliseconds(Table.Median(inWorker)), Milliseconds(Table.Median(inWorker) - Table.Median(inProcess)), Milliseconds(inWorker.Zip(inProcess, (worker, process) => worker - process).Max()));
    }

    /// <summary>Milliseconds until the last token has come.</summary>
    private static async Task<double> TimeAsync(IModelRunner runner, GenerationRequest request)
    {
        long start = Stopwatch.GetTimestamp();
        double last = 0;
        await runner.GenerateAsync(request, new Immediate(() => last = Stopwatch.GetElapsedTime(start).TotalMilliseconds));
        return last;
    }

    private static string Milliseconds(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0.0} ms");

    private sealed class Immediate(Action report) : IProgress<GeneratedToken>
    {
        public void Report(GeneratedToken value) => report();
    }
}
