using System.Text.Json;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary><c>modelops run --input</c>.</summary>
public sealed class BatchCommandTests : IDisposable
{
    private static readonly string Model = GoldenLogits.PathOf("llama", "q8_0");

    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-batch-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task EveryLineIsAnswered()
    {
        await WriteAsync("in.txt", "hello\n\n  \nOnce upon a time\nworld");
        var outcome = await RunAsync("--input", "in.txt");
        Assert.Equal(0, outcome.ExitCode);
        var rows = Rows(outcome.Out);
        Assert.Equal([("1", "hello"), ("2", "Once upon a time"), ("3", "world")], rows.Select(row => (row.GetProperty("id").ToString(), row.GetProperty("prompt").GetString()!)));
        var alone = (await InProcess.RunAsync(_folder, ["run", Model, "world", "--raw", "--temperature", "0", "--max-tokens", "4", "--format", "json"])).Json;
        Assert.Equal(alone.GetProperty("text").GetString(), rows[2].GetProperty("answer").GetString());
        Assert.Equal(alone.GetProperty("promptTokens").GetInt32(), rows[2].GetProperty("promptTokens").GetInt32());
        Assert.Equal((4, "length"), (rows[2].GetProperty("answerTokens").GetInt32(), rows[2].GetProperty("finishReason").GetString()));
    }

    [Fact]
    public async Task WhatIsWrongWithAnItemIsARowAndTheExitCode()
    {
        await WriteAsync("in.jsonl", """
            {"id":"a","prompt":"hello","more":{"list":[1,2]}}
            no json
            {"id":7,"question":"?"}
            {"prompt":"hello","prompt":"twice"}

            {"id":"z","prompt":"world"}
            """);
        var outcome = await RunAsync("--input", "in.jsonl");
        Assert.Equal(1, outcome.ExitCode);
        var rows = Rows(outcome.Out);
        Assert.Equal(["a", "2", "7", "4", "z"], rows.Select(row => row.GetProperty("id").ToString()));
        Assert.Equal("""{"list":[1,2]}""", rows[0].GetProperty("more").GetRawText());
        Assert.All([1, 2, 3], row => Assert.Equal("InvalidArgument", rows[row].GetProperty("error").GetProperty("id").GetString()));
        Assert.Contains("Line 3", rows[2].GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.All([0, 4], row => Assert.False(rows[row].TryGetProperty("error", out _)));
        Assert.Contains("2 done, 3 failed", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAnswerInJsonIsPartOfItsRow()
    {
        await WriteAsync("in.txt", "hello");
        var outcome = await InProcess.RunAsync(_folder, ["run", Model, "--raw", "--input", "in.txt", "--schema", """{"enum":[{"level":"low"}]}""", "--max-tokens", "64"]);
        Assert.Equal("low", Rows(outcome.Out)[0].GetProperty("answer").GetProperty("level").GetString());
    }

    [Fact]
    public async Task ARunThatWasCutOffIsGoneOnWith()
    {
        await WriteAsync("in.txt", string.Join('\n', Enumerable.Range(1, 6).Select(number => $"word {number}")));
        Assert.Equal(0, (await RunAsync("--input", "in.txt", "--output", "whole.jsonl")).ExitCode);
        var whole = await File.ReadAllTextAsync(PathOf("whole.jsonl"));
        var lines = whole.Split('\n');
        // Two rows, one that failed, and half of one.
        await WriteAsync("out.jsonl", $"{lines[0]}\n{lines[1]}\n{{\"id\":3,\"prompt\":\"word 3\",\"error\":{{\"id\":\"EngineCrashed\"}}}}\n{lines[3][..20]}");

        var outcome = await RunAsync("--input", "in.txt", "--output", "out.jsonl", "--resume");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("4 done, 0 failed, 2 were done before", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(whole, await File.ReadAllTextAsync(PathOf("out.jsonl")));
        Assert.Contains("0 done, 0 failed, 6 were done before", (await RunAsync("--input", "in.txt", "--output", "out.jsonl", "--resume")).Error, StringComparison.Ordinal);
        Assert.Equal(whole, await File.ReadAllTextAsync(PathOf("out.jsonl")));
    }

    [Fact]
    public async Task ATableThatWasCutOffAnywhereIsGoneOnWith()
    {
        await WriteAsync("in.csv", "prompt,note\nhello,\"a, b\"\n\"two\nlines\",\"say \"\"x\"\"\"\nworld,\n");
        Assert.Equal(0, (await RunAsync("--input", "in.csv", "--output", "whole.csv")).ExitCode);
        var whole = await File.ReadAllTextAsync(PathOf("whole.csv"));
        Assert.StartsWith("id,prompt,note,answer,finishReason,promptTokens,answerTokens,error\n", whole, StringComparison.Ordinal);
        var random = new Random(3);
        for (var cut = whole.IndexOf('\n', StringComparison.Ordinal) + 1; cut < whole.Length; cut += 1 + random.Next(30))
        {
            await WriteAsync("out.csv", whole[..cut]);
            Assert.Equal(0, (await RunAsync("--input", "in.csv", "--output", "out.csv", "--resume")).ExitCode);
            Assert.Equal(whole, await File.ReadAllTextAsync(PathOf("out.csv")));
        }
    }

    [Fact]
    public async Task AnOutputThatIsThereIsNotReplacedUnasked()
    {
        await WriteAsync("in.txt", "hello");
        await WriteAsync("out.jsonl", "precious");
        var refused = await RunAsync("--input", "in.txt", "--output", "out.jsonl");
        Assert.Equal(2, refused.ExitCode);
        Assert.Equal("precious", await File.ReadAllTextAsync(PathOf("out.jsonl")));
        Assert.Equal(0, (await RunAsync("--input", "in.txt", "--output", "out.jsonl", "--force")).ExitCode);
        Assert.Single(Rows(await File.ReadAllTextAsync(PathOf("out.jsonl"))));
    }

    [Theory]
    [InlineData("--output goes with --input", "--output", "x.jsonl")]
    [InlineData("--parallel goes with --input", "--parallel", "4", "hello")]
    [InlineData("excludes PROMPT", "--input", "in.csv", "hello")]
    [InlineData("no column 'question'", "--input", "in.csv", "--column", "question")]
    [InlineData("exclude each other", "hello", "--prompt-file", "in.csv")]
    [InlineData("--resume", "--input", "in.csv", "--resume")]
    public async Task WhatMakesNoSenseIsRefused(string message, params string[] arguments)
    {
        await WriteAsync("in.csv", "prompt\nhello\n");
        var outcome = await RunAsync(arguments);
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains(message, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMissingInputIsNotFoundAndABadModelIsOneError()
    {
        Assert.Equal(3, (await RunAsync("--input", "missing.csv")).ExitCode);
        await WriteAsync("in.txt", "a\nb\n");
        var outcome = await InProcess.RunAsync(_folder, ["run", "missing.gguf", "--input", "in.txt"]);
        Assert.Equal(3, outcome.ExitCode);
        Assert.Empty(outcome.Out);
    }

    [Fact]
    public async Task ItemsMayBePipedInAndAPromptMayBeAFile()
    {
        await WriteAsync("prompt.txt", "hello");
        var file = await RunAsync("--prompt-file", "prompt.txt");
        Assert.Equal(file.Out, (await RunAsync("hello")).Out);
        var piped = await InProcess.RunAsync(_folder, ["run", Model, "--raw", "--temperature", "0", "--max-tokens", "4", "--input", "-"], host => host with { OpenInput = () => new StringReader("""{"id":"x","prompt":"hello"}""") });
        Assert.Equal(file.Out.TrimEnd('\n'), Rows(piped.Out)[0].GetProperty("answer").GetString());
    }

    private Task<CliOutcome> RunAsync(params string[] arguments) => InProcess.RunAsync(_folder, ["run", Model, "--raw", "--temperature", "0", "--max-tokens", "4", .. arguments]);

    private Task WriteAsync(string name, string text) => File.WriteAllTextAsync(PathOf(name), text);

    private string PathOf(string name) => Path.Combine(_folder, name);

    private static List<JsonElement> Rows(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
}
