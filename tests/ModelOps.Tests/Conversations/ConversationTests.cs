using System.Text.Json.Nodes;
using ModelOps.Tests.Cli;
using Xunit;

namespace ModelOps.Tests.Conversations;

public sealed class ConversationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task WhatIsSavedIsLoaded()
    {
        Conversation conversation = new() { System = "Be brief.", Model = "org/repo:Q4_0" };
        conversation.Add(new ChatMessage("user", "Größe? 😀 \"quoted\""));
        conversation.Add(new ChatMessage("assistant", "") { Reasoning = "look\nit up", ToolCalls = [new ToolCall("abcdefghi", "look_up", """{"what":"size"}""")] });
        conversation.Add(new ChatMessage("tool", "42") { ToolCallId = "abcdefghi", Name = "look_up" });
        string path = Path.Combine(_folder.Path, "chat.json");

        await conversation.SaveAsync(path, TestContext.Current.CancellationToken);
        Conversation loaded = await Conversation.LoadAsync(path, TestContext.Current.CancellationToken);

        Assert.Equal(("Be brief.", "org/repo:Q4_0"), (loaded.System, loaded.Model));
        Assert.Equal(conversation.Messages.Select(message => message with { ToolCalls = null }), loaded.Messages.Select(message => message with { ToolCalls = null }));
        Assert.Equal(conversation.Turns[1].ToolCalls, loaded.Turns[1].ToolCalls);
        // The names are those of OpenAI's API as far as it has them.
        JsonObject first = JsonNode.Parse(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken))!["messages"]![0]!.AsObject();
        Assert.Equal(["role", "content"], first.Select(member => member.Key));
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"messages\": [null]}")]
    [InlineData("{\"messages\": [{\"role\": \"user\"}]}")]
    [InlineData("{\"messages\": [{\"role\": 1, \"content\": \"x\"}]}")]
    [InlineData("{\"messages\": \"x\"}")]
    [InlineData("{\"messages\": [{\"role\": \"\", \"content\": \"x\"}]}")]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": \"\\ud800\"}]}")]
    [InlineData("{\"messages\": [{\"role\": \"assistant\", \"content\": \"\", \"toolCalls\": [null]}]}")]
    [InlineData("{\"messages\": [{\"role\": \"assistant\", \"content\": \"\", \"toolCalls\": [{\"id\": \"a\", \"name\": \"b\"}]}]}")]
    [InlineData("{\"messages\": [{\"role\": \"assistant\", \"content\": \"\", \"toolCalls\": [{\"id\": 1, \"name\": \"b\", \"arguments\": {}}]}]}")]
    public async Task WhatIsNoConversationIsRefused(string json)
    {
        string path = Path.Combine(_folder.Path, "broken.json");
        await File.WriteAllTextAsync(path, json, TestContext.Current.CancellationToken);

        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => Conversation.LoadAsync(path, TestContext.Current.CancellationToken));

        Assert.Equal(ErrorKind.CorruptFile, error.Kind);
    }

    [Fact]
    public async Task DepthIsRefused()
    {
        string path = Path.Combine(_folder.Path, "deep.json");
        await File.WriteAllTextAsync(path, string.Concat("{\"messages\":", new string('[', 100_000)), TestContext.Current.CancellationToken);

        Assert.Equal(ErrorKind.CorruptFile, (await Assert.ThrowsAsync<ModelOpsException>(() => Conversation.LoadAsync(path, TestContext.Current.CancellationToken))).Kind);
    }

    [Fact]
    public async Task WhatHasNoEndIsNotRead()
    {
        Assert.SkipUnless(File.Exists("/dev/zero"), "There is no /dev/zero.");

        Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => Conversation.LoadAsync("/dev/zero", TestContext.Current.CancellationToken))).Kind);
    }

    [Fact]
    public void TurnsAreTakenBackAndLeftOutByQuestion()
    {
        Conversation conversation = new() { System = "s" };
        Assert.Null(conversation.Undo());
        Assert.False(conversation.DropOldest());
        foreach (int number in Enumerable.Range(1, 3))
        {
            conversation.Add(new ChatMessage("user", $"q{number}"));
            conversation.Add(new ChatMessage("assistant", $"a{number}"));
        }

        Assert.True(conversation.DropOldest());
        Assert.Equal(["s", "q2", "a2", "q3", "a3"], conversation.Messages.Select(message => message.Content));
        Assert.Equal("q3", conversation.Undo());
        Assert.Equal(["s", "q2", "a2"], conversation.Messages.Select(message => message.Content));
        Assert.False(conversation.DropOldest());
        conversation.Clear();
        Assert.Equal(["s"], conversation.Messages.Select(message => message.Content));
    }

    public void Dispose() => _folder.Dispose();
}
