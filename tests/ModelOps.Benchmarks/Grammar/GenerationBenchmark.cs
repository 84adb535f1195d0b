using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using ModelOps.Tests;
using ModelOps.Tests.Grammar;

namespace ModelOps.Benchmarks.Grammar;

/// <summary>
/// What a model that never saw JSON writes under random JSON schemas, at a temperature at which it writes anything; ajv judges. What was cut off at the token limit is counted apart: nobody promised
/// that it is whole.
/// </summary>
internal static class GenerationBenchmark
{
    public const string Help = "generations [COUNT] [SEED]  answers of the demo model under random JSON schemas until COUNT are whole, judged by ajv. Default: 500, seed 1.";

    public static async Task RunAsync(string[] args)
    {
        var count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 500;
        var seed = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 1;
        var folder = Directory.CreateTempSubdirectory("modelops-generations-");
        try
        {
            var path = Path.Combine(folder.FullName, "demo.gguf");
            await ModelConverter.RunAsync(ConversionPlan.Create(TestPaths.Model("demo-llama"), path, new ConversionOptions { Type = "Q8_0", Threads = 1 }));
            using var engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = path, Parameters = new() { ContextLength = 1024, GpuLayers = 0 }, Threads = 1 });
            var schemas = new RandomSchemas(new Random(seed));
            var (requests, cut, refused, tokens) = (new JsonArray(), 0, 0, 0L);
            var clock = Stopwatch.StartNew();
            for (var number = 0; requests.Count < count; number++)
            {
                var schema = schemas.Next();
                string grammar;
                try
                {
                    grammar = JsonSchemaGrammar.FromSchema(schema.ToJsonString());
                }
                catch (ModelOpsException exception) when (exception.Kind == ErrorKind.InvalidSchema)
                {
                    refused++;
                    continue;
                }
                var answer = await engine.GenerateAsync(new GenerationRequest { Prompt = "Once", Raw = true, Temperature = 2, TopK = 0, TopP = 1, MaxTokens = 800, Grammar = grammar, Seed = (uint)number });
                tokens += answer.Tokens.Count;
                if (answer.FinishReason == FinishReason.Length)
                    cut++;
                else
                    requests.Add(new JsonObject { ["schema"] = schema.DeepClone(), ["texts"] = new JsonArray(answer.Text) });
                if (number % 50 == 49)
                    Console.Error.WriteLine($"{number + 1} schemas, {requests.Count} whole, {cut} cut off, {refused} refused, {clock.Elapsed.TotalSeconds:F0} s");
            }
            var problems = Judge(requests).Select((answer, index) => (Problem: (string?)answer!.AsArray()[0], Request: requests[index]!)).Where(entry => entry.Problem is not null).ToList();
            Console.WriteLine($"{count} whole answers under random schemas, seed {seed}: {count - problems.Count} valid by ajv; besides {cut} cut off at 800 tokens, {refused} schemas refused; {tokens:N0} tokens in {clock.Elapsed.TotalSeconds:F0} s");
            if (problems.Count > 0)
                throw new BenchmarkException(string.Join('\n', problems.Take(5).Select(entry => $"{entry.Problem}: {entry.Request.ToJsonString()}")));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static JsonArray Judge(JsonArray requests)
    {
        using var process = Process.Start(new ProcessStartInfo("node", ["validate.mjs"])
        {
            WorkingDirectory = Path.Combine(TestPaths.RepositoryRoot, "tests", "node-schema"),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.Write(requests.ToJsonString());
        process.StandardInput.Close();
        process.WaitForExit();
        return process.ExitCode == 0 ? JsonNode.Parse(output.Result)!.AsArray() : throw new BenchmarkException("ajv did not answer; npm ci in tests/node-schema brings it.");
    }
}
