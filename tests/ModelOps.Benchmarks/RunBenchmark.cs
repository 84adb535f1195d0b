using System.Diagnostics;
using System.Globalization;
using ModelOps.Engine;
using ModelOps.Speed;

namespace ModelOps.Benchmarks;

/// <summary>What answering costs beside decoding, and what answering many at once gains.</summary>
internal static class RunBenchmark
{
    public const string Help = "[--rounds N]: a synthetic 1B in Q4_K: generation and prompt against a bare loop of llama_decode in the same context, turn about; 8 prompts at once against one after another";

    private const int PromptTokens = 256, PairTokens = 16, AnswerTokens = 32, Together = 8, GenerationPairs = 4;

    public static async Task RunAsync(string[] args)
    {
        var rounds = args is ["--rounds", var asked] && int.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count
            : args.Length == 0 ? 5 : throw new BenchmarkException(Help);
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
        var (text, tokens) = (prompt.Text[..PairTokens], prompt.Tokens[..PairTokens]);
        List<double> loopPrompt = [], loopGeneration = [], ourPrompt = [], ourGeneration = [];
        // The first round warms up. Two a pair, now the one first and now the other: what the machine does beside lasts longer than a pair.
        for (var round = -1; round < rounds; round++)
            await PairAsync(round, () => engine.Use(session => Read(session, prompt.Tokens)), async () => (await AnswerAsync(prompt.Text, 1)).PromptTokensPerSecond, loopPrompt, ourPrompt);
        for (var round = -1; round < rounds * GenerationPairs; round++)
            await PairAsync(round, () => engine.Use(session => Write(session, tokens)), async () => (await AnswerAsync(text, PairTokens)).TokensPerSecond, loopGeneration, ourGeneration);

        var table = new Table($"tokens/s: medians of {rounds} pairs of prompts and {rounds * GenerationPairs} pairs of generations, turn about", Header("llama_decode alone", "GenerateAsync"));
        Row(table, $"prompt of {prompt.Tokens.Length}", loopPrompt, ourPrompt);
        Row(table, $"generation of {PairTokens}", loopGeneration, ourGeneration);

        async Task<GenerationResult> AnswerAsync(string asked, int length)
        {
            // A borrowed context comes back empty: nothing is remembered of the answer before.
            engine.Use(session => session);
            var answer = await engine.GenerateAsync(Request(asked, length));
            return answer.Tokens.Count == length ? answer : throw new BenchmarkException($"The model ended its answer after {answer.Tokens.Count} tokens.");
        }
    }

    private static async Task PairAsync(int round, Func<double> theirs, Func<Task<double>> ours, List<double> theirRates, List<double> ourRates)
    {
        double their = 0, our = 0;
        foreach (var isOurs in (bool[])[round % 2 == 0, round % 2 != 0])
        {
            if (isOurs)
                our = await ours();
            else
                their = theirs();
        }
        if (round < 0)
            return;
        theirRates.Add(their);
        ourRates.Add(our);
    }

    /// <summary>Tokens a second of a prompt that is decoded, and of nothing else.</summary>
    private static double Read(Session session, int[] prompt)
    {
        session.Forget();
        var start = Stopwatch.GetTimestamp();
        session.Extend(prompt, CancellationToken.None);
        return prompt.Length / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>The least that anybody's generation can take: decodes token by token, without choosing among what comes out.</summary>
    private static double Write(Session session, int[] prompt)
    {
        Read(session, prompt);
        var start = Stopwatch.GetTimestamp();
        for (var index = 1; index < PairTokens; index++)
            session.Extend(prompt.AsSpan(index % prompt.Length, 1), CancellationToken.None);
        return (PairTokens - 1) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task CompareTogetherAsync(string file, int rounds)
    {
        using var one = await LoadAsync(file, 1);
        using var many = await LoadAsync(file, Together);
        List<double> sequential = [], parallel = [];
        for (var round = 0; round < rounds; round++)
        {
            // Short prompts, other ones each round: what is compared is generation, and nothing is remembered.
            GenerationRequest[] requests = [.. Enumerable.Range(0, Together).Select(index => Request(Prompt(one, (round * Together) + index + 1).Text[..64], AnswerTokens))];
            var start = Stopwatch.GetTimestamp();
            foreach (var request in requests)
                await one.GenerateAsync(request);
            sequential.Add(Together * AnswerTokens / Stopwatch.GetElapsedTime(start).TotalSeconds);
            start = Stopwatch.GetTimestamp();
            await Task.WhenAll(requests.Select(request => many.GenerateAsync(request)));
            parallel.Add(Together * AnswerTokens / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        var table = new Table($"{Together} prompts, {AnswerTokens} tokens each, tokens/s of all: medians of {rounds} rounds", Header("one after another", "at once"));
        Row(table, "short prompts", sequential, parallel);
    }

    private static GenerationRequest Request(string prompt, int tokens) => new() { Prompt = prompt, Raw = true, Temperature = 0, MaxTokens = tokens };

    /// <summary>A text of the wished number of tokens, of its own for every number.</summary>
    private static (string Text, int[] Tokens) Prompt(LlamaEngine engine, int number)
    {
        var text = new string([.. Enumerable.Range(0, PromptTokens).Select(index => (char)('a' + ((index * 7) + (number * 11) + (index * index % 13)) % 26))]);
        return (text, engine.Vocabulary.TokenizePrompt(text));
    }

    private static string[] Header(string theirs, string ours) => ["", theirs, ours, "ratio", "smallest and largest"];

    private static void Row(Table table, string name, List<double> theirs, List<double> ours)
    {
        List<double> ratios = [.. ours.Zip(theirs, (our, their) => our / their)];
        table.Row(name, Table.Number(Table.Median(theirs)), Table.Number(Table.Median(ours)), Ratio(Table.Median(ratios)), $"{Ratio(ratios.Min())}–{Ratio(ratios.Max())}");
    }

    private static string Ratio(double ratio) => ratio.ToString("0.000", CultureInfo.InvariantCulture);
}
