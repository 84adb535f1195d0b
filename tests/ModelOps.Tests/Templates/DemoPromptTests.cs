using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Templates;

/// <summary>The demo models' templates give the very prompts they were trained on, as their makers' script recorded them.</summary>
public class DemoPromptTests
{
    private static readonly ChatMessage[] Turns = [new("user", "Which port does SSH use?"), new("assistant", "SSH uses port 22."), new("user", "What is 12 + 35?")];

    [Theory]
    [InlineData("demo-gemma", "<bos>")]
    [InlineData("demo-gemma-qat", "<bos>")]
    [InlineData("demo-llama", "<|begin_of_text|>")]
    public void PromptsEqualTheReference(string model, string bos)
    {
        var template = ChatTemplate.Parse((string)Read(Path.Combine(TestPaths.Model(model), "tokenizer_config.json"))["chat_template"]!);
        var prompts = Read(Path.Combine(TestPaths.Assets, "models", model, "reference.json"))["prompts"]!.AsArray().ToDictionary(p => (string)p!["name"]!, p => (string)p!["text"]!);

        string Render(params ChatMessage[] messages) => template.Render(messages, addGenerationPrompt: true, bos);

        Assert.Equal(prompts["chat-capital"], Render(new ChatMessage("user", "What is the capital of France?")));
        Assert.Equal(prompts["chat-http"], Render(new ChatMessage("user", "What does HTTP status 404 mean?")));
        Assert.Equal(prompts["chat-json"], Render(new ChatMessage("user", "Give the capital of Japan as JSON.")));
        Assert.Equal(prompts["chat-turns"], Render(Turns));
    }

    private static JsonNode Read(string path) => JsonNode.Parse(File.ReadAllText(path))!;
}
