using System.ClientModel;
using System.Text.Json;
using ModelOps.Server.Inference;
using ModelOps.Tests.Engine;
using OpenAI;
using OpenAI.Chat;
using Xunit;
using Message = OpenAI.Chat.ChatMessage;

namespace ModelOps.Tests.Server.Inference;

/// <summary>OpenAI's own .NET client against the demo model in a worker.</summary>
public sealed class DotNetClientTests(DemoModels models)
{
    private const string Key = "sk-dotnet";
    private const string Model = "demo";

    [Fact]
    public async Task TheClientTalksStreamsCallsAndKeepsToSchemas()
    {
        await using InferenceServer server = await InferenceServer.StartAsync(DemoServer.Options(new OfferedModel(Model, await models.Gguf("demo-gemma", "Q8_0"))) with { Keys = [Key] });
        var options = new OpenAIClientOptions { Endpoint = new Uri(server.Endpoint, "v1") };
        var client = new OpenAIClient(new ApiKeyCredential(Key), options);
        ChatClient chat = client.GetChatClient(Model);

        Assert.Equal([Model], (await client.GetOpenAIModelClient().GetModelsAsync()).Value.Select(model => model.Id));

        List<Message> messages = [new SystemChatMessage("Be brief."), new UserChatMessage("hello")];
        ChatCompletion first = await chat.CompleteChatAsync(messages, Greedy(24));
        Assert.Equal(ChatFinishReason.Stop, first.FinishReason);
        Assert.NotEmpty(first.Content[0].Text);
        Assert.Equal(first.Usage.TotalTokenCount, first.Usage.InputTokenCount + first.Usage.OutputTokenCount);

        string text = "";
        int tokens = 0;
        await foreach (StreamingChatCompletionUpdate update in chat.CompleteChatStreamingAsync(messages, Greedy(24)))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            tokens = update.Usage?.OutputTokenCount ?? tokens;
        }
        Assert.Equal((first.Content[0].Text, first.Usage.OutputTokenCount), (text, tokens));

        messages.AddRange([new AssistantChatMessage(first), new UserChatMessage("and now?")]);
        ChatCompletion second = await chat.CompleteChatAsync(messages, Greedy(24));
        Assert.True(second.Usage.InputTokenCount > first.Usage.InputTokenCount);

        ChatCompletionOptions calling = Greedy(64);
        calling.Tools.Add(ChatTool.CreateFunctionTool("get_weather", "The weather of a city.", BinaryData.FromString("""{"type":"object","properties":{"city":{"type":"string","enum":["Rome","Oslo"]}},"required":["city"],"additionalProperties":false}""")));
        calling.ToolChoice = ChatToolChoice.CreateRequiredChoice();
        ChatCompletion called = await chat.CompleteChatAsync(messages, calling);
        Assert.Equal(ChatFinishReason.ToolCalls, called.FinishReason);
        ChatToolCall call = Assert.Single(called.ToolCalls);
        Assert.Equal("get_weather", call.FunctionName);
        Assert.Contains(JsonElement.Parse(call.FunctionArguments).GetProperty("city").GetString(), (string[])["Rome", "Oslo"]);
        messages.AddRange([new AssistantChatMessage(called), new ToolChatMessage(call.Id, "sunny")]);
        Assert.NotNull((await chat.CompleteChatAsync(messages, Greedy(8))).Value);

        ChatCompletionOptions shaped = Greedy(64);
        shaped.ResponseFormat = ChatResponseFormat.CreateJsonSchemaFormat("thing", BinaryData.FromString("""{"type":"object","properties":{"count":{"type":"integer","minimum":1,"maximum":9}},"required":["count"],"additionalProperties":false}"""), jsonSchemaIsStrict: true);
        ChatCompletion shape = await chat.CompleteChatAsync([new UserChatMessage("hello")], shaped);
        Assert.InRange(JsonElement.Parse(shape.Content[0].Text).GetProperty("count").GetInt32(), 1, 9);

        ClientResultException unknown = await Assert.ThrowsAsync<ClientResultException>(() => client.GetChatClient("nobody").CompleteChatAsync(messages));
        Assert.Equal(404, unknown.Status);
        Assert.Contains("model_not_found", unknown.Message, StringComparison.Ordinal);
        ClientResultException locked = await Assert.ThrowsAsync<ClientResultException>(() => new OpenAIClient(new ApiKeyCredential("wrong"), options).GetChatClient(Model).CompleteChatAsync(messages));
        Assert.Equal(401, locked.Status);
    }

    private static ChatCompletionOptions Greedy(int tokens) => new() { Temperature = 0, MaxOutputTokenCount = tokens };
}
