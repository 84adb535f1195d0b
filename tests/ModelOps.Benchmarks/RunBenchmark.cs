using System.Diagnostics;
using System.Globalization;
using ModelOps.Engine;
using ModelOps.Speed;

namespace ModelOps.Benchmarks;

/// <summary>What answering costs beside decoding, and what answering many at once gains.</summary>
internal static class RunBenchmark
{
    public const string Help = "[--rounds N]: a synthetic 1B in Q4_K: generation and prompt against a bare loop of llama_decode in the same context, turn about; 8 prompts at once against one after another";

    private const int PromptTokens = 512, GeneratedTokens = 48, Together = 8;

    public static async Task RunAsync(string[] args)
    {
        var rounds = args is ["--rounds", var asked] && int.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count
            : args.Length == 0 ? 3 : throw new BenchmarkException(Help);
        var folder = Directory.CreateTempSubdirectory("modelops-run-").FullName;
        try
        {
            var file = Path.Combine(folder, "synthetic-1B-Q4_K.gguf");
            new SyntheticModel(GgmlType.Q4_K, 16, 2048, 8192, 64, 128256).Write(file, CancellationToken.None);
            using (var engine = await LoadAsync(file, 1))
                await CompareWithLoopAsync(engine, rounds);
            await CompareTogetherAsync(file, rounds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Task<LlamaEngine> LoadAsync(string file, int sequences)
        => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = file, Parameters = new() { ContextLength = 2048, GpuLayers = 0, Sequences = sequences } });

    private static async Task CompareWithLoopAsync(LlamaEngine engine, int rounds)
    {
        var prompt = Prompt(engine, 0);
        List<double> loopPrompt = [], loopGeneration = [], ourPrompt = [], ourGeneration = [];
        for (var round = -1; round < rounds; round++)
        {
            var (reading, writing) = engine.Use(session => Loop(session, prompt.Tokens));
            // Nothing of it is remembered: a borrowed context comes back empty.
            var answer = await engine.GenerateAsync(Request(prompt.Text));
            if (answer.Tokens.Count < GeneratedTokens)
                throw new BenchmarkException($"The model ended its answer after {answer.Tokens.Count} tokens.");
            if (round < 0)
                continue;
            loopPrompt.Add(reading);
            loopGeneration.Add(writing);
            ourPrompt.Add(answer.PromptTokensPerSecond);
            ourGeneration.Add(answer.TokensPerSecond);
        }
        var table = new Table($"tokens/s: medians of {rounds} rounds, turn about", "", "llama_decode alone", "GenerateAsync", "ratio");
        Row(table, $"prompt of {prompt.Tokens.Length}", loopPrompt, ourPrompt);
        Row(table, $"generation of {GeneratedTokens}", loopGeneration, ourGeneration);
    }

    /// <summary>The least that anybody's generation can take: decodes, without choosing among what comes out.</summary>
    private static (double Prompt, double Generation) Loop(Session session, int[] prompt)
    {
        session.Forget();
        var start = Stopwatch.GetTimestamp();
        session.Extend(prompt, CancellationToken.None);
        var reading = Stopwatch.GetElapsedTime(start).TotalSeconds;
        start = Stopwatch.GetTimestamp();
        for (var index = 1; index < GeneratedTokens; index++)
            session.Extend(prompt.AsSpan(index, 1), CancellationToken.None);
        return (prompt.Length / reading, (GeneratedTokens - 1) / Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private static async Task CompareTogetherAsync(string file, int rounds)
    {
        using var one = await LoadAsync(file, 1);
        using var many = await LoadAsync(file, Together);
        List<double> sequential = [], parallel = [];
        for (var round = 0; round < rounds; round++)
        {
            // Short prompts, other ones each round: what is compared is generation, and nothing is remembered.
            GenerationRequest[] requests = [.. Enumerable.Range(0, Together).Select(index => Request(Prompt(one, (round * Together) + index + 1).Text[..64]))];
            var start = Stopwatch.GetTimestamp();
            foreach (var request in requests)
                await one.GenerateAsync(request);
            sequential.Add(Together * GeneratedTokens / Stopwatch.GetElapsedTime(start).TotalSeconds);
            start = Stopwatch.GetTimestamp();
            await Task.WhenAll(requests.Select(request => many.GenerateAsync(request)));
            parallel.Add(Together * GeneratedTokens / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        var table = new Table($"{Together} prompts, {GeneratedTokens} tokens each, tokens/s of all: medians of {rounds} rounds", "", "one after another", "at once", "ratio");
        Row(table, "short prompts", sequential, parallel);
    }

    private static GenerationRequest Request(string prompt) => new() { Prompt = prompt, Raw = true, Temperature = 0, MaxTokens = GeneratedTokens };

    /// <summary>A text of the wished number of tokens, of its own for every number.</summary>
    private static (string Text, int[] Tokens) Prompt(LlamaEngine engine, int number)
    {
        var text = new string([.. Enumerable.Range(0, PromptTokens).Select(index => (char)('a' + ((index * 7) + (number * 11) + (index * index % 13)) % 26))]);
        return (text, engine.Vocabulary.TokenizePrompt(text));
    }

    private static void Row(Table table, string name, List<double> theirs, List<double> ours)
        => table.Row(name, Table.Number(Table.Median(theirs)), Table.Number(Table.Median(ours)), string.Create(CultureInfo.InvariantCulture, $"{Table.Median(ours) / Table.Median(theirs):0.000}"));
}
