using System.Text.Json;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary><c>modelops chat</c> with lines piped in, on a demo model.</summary>
public sealed class ChatCommandTests(DemoModels models) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task LinesAreAnsweredAndTheConversationIsSaved()
    {
        var outcome = await ChatAsync("What is the capital of France?\n/save chat.json\n/exit\nnever\n", "--temperature", "0", "--max-tokens", "20");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("Saved 2 turns to chat.json.", outcome.Error, StringComparison.Ordinal);
        using var saved = JsonDocument.Parse(await File.ReadAllTextAsync(_folder.File("chat.json"), TestContext.Current.CancellationToken));
        var messages = saved.RootElement.GetProperty("messages").EnumerateArray().ToList();
        Assert.Equal(["user", "assistant"], messages.Select(message => message.GetProperty("role").GetString()));
        // What was shown is what was said, and the same that `run` says.
        Assert.Equal(messages[1].GetProperty("content").GetString() + "\n", outcome.Out);
        var run = await RunAsync(null, "run", await models.Gguf("demo-gemma", "Q8_0"), "What is the capital of France?", "--temperature", "0", "--max-tokens", "20");
        Assert.Equal(outcome.Out.TrimEnd(), run.Out.TrimEnd());
    }

    [Fact]
    public async Task AMistakeIsToldAndTheChatGoesOn()
    {
        var outcome = await ChatAsync("/load nowhere.json\n/set temperature hot\nHi\n", "--max-tokens", "2");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal(2, outcome.Error.Split('\n').Count(line => line.StartsWith("error: ", StringComparison.Ordinal)));
        Assert.NotEmpty(outcome.Out);
    }

    [Theory]
    [InlineData("nowhere.gguf")]
    // Found, and refused when there is no other model any more.
    [InlineData("broken.gguf")]
    public async Task AfterAModelThatDoesNotLoadTheFormerAnswers(string model)
    {
        await File.WriteAllTextAsync(_folder.File("broken.gguf"), "not a model", TestContext.Current.CancellationToken);
        var outcome = await ChatAsync($"/model {model}\nHi\n", "--max-tokens", "2");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal(1, outcome.Error.Split('\n').Count(line => line.StartsWith("error: ", StringComparison.Ordinal)));
        Assert.Contains("goes on answering.", outcome.Error, StringComparison.Ordinal);
        Assert.NotEmpty(outcome.Out);
    }

    [Fact]
    public async Task AnswersAreRecordsInJson()
    {
        var outcome = await ChatAsync("Hi\n", "--max-tokens", "2", "--format", "json");

        using var answer = JsonDocument.Parse(outcome.Out);
        Assert.Equal("length", answer.RootElement.GetProperty("finishReason").GetString());
        Assert.Equal(JsonValueKind.Null, answer.RootElement.GetProperty("reasoning").ValueKind);
        Assert.Empty(answer.RootElement.GetProperty("toolCalls").EnumerateArray());
    }

    [Fact]
    public async Task WithNobodyThereItIsRefused()
        => Assert.Equal(2, (await RunAsync(null, "chat", await models.Gguf("demo-gemma", "Q8_0"))).ExitCode);

    public void Dispose() => _folder.Dispose();

    private async Task<CliOutcome> ChatAsync(string lines, params string[] options)
        => await RunAsync(lines, ["chat", await models.Gguf("demo-gemma", "Q8_0"), "--threads", "1", .. options]);

    private Task<CliOutcome> RunAsync(string? lines, params string[] arguments)
        => InProcess.RunAsync(_folder.Path, arguments, host => host with { OpenInput = lines is null ? null : () => new StringReader(lines) }, cancellationToken: TestContext.Current.CancellationToken);
}
