using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>The whole way – our converter, the engine, our binding – against the demo models' own float32 forward.</summary>
public sealed class ReferenceTests(DemoModels models)
{
    public static TheoryData<string, string> Files => new() { { "demo-llama", "F32" }, { "demo-llama", "BF16" }, { "demo-gemma", "F32" }, { "demo-gemma", "BF16" } };

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Prompts_have_the_reference_tokens_and_logits(string model, string type)
    {
        using LlamaEngine engine = await models.Load(model, type);
        Assert.All(ReferenceModel.Read(model).Prompts, prompt =>
        {
            Assert.Equal(prompt.TokenIds, engine.Vocabulary.TokenizePrompt(prompt.Text));
            float[] logits = engine.Evaluate(prompt.TokenIds)[^engine.VocabularySize..].ToArray();
            int[] top = [.. Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).Take(5)];
            Assert.Equal(prompt.Top5[0].Id, top[0]);
            Assert.Equal(prompt.Top5.Select(candidate => candidate.Id).Order(), top.Order());
            Assert.All(prompt.Top5, candidate => Assert.Equal(candidate.Logit, logits[candidate.Id], 0.05));
        });
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Greedy_continuations_are_the_references_where_its_margin_allows(string model, string type)
    {
        using LlamaEngine engine = await models.Load(model, type);
        ReferenceModel reference = ReferenceModel.Read(model);
        foreach (ReferenceModel.Prompt prompt in reference.Prompts)
        {
            Assert.Equal(24, prompt.GreedyIds.Length);
            int[] tokens = [.. prompt.TokenIds, .. prompt.GreedyIds];
            float[] logits = engine.Evaluate(tokens).ToArray();
            for (int step = 0; step < 24; step++)
            {
                Span<float> row = logits.AsSpan((prompt.TokenIds.Length + step - 1) * engine.VocabularySize, engine.VocabularySize);
                int best = 0;
                for (int id = 1; id < row.Length; id++)
                {
                    best = row[id] > row[best] ? id : best;
                }
                // Two candidates nearer than the logits' tolerance may change places.
                if (prompt.GreedyMargins[step] > 0.05f)
                {
                    Assert.Equal(prompt.GreedyIds[step], best);
                }
            }

            // The engine's own loop: as far as the reference is certain, or to the end of the turn.
            int[] expected = [.. prompt.GreedyIds.Zip(prompt.GreedyMargins).TakeWhile(pair => pair.Second > 0.05f).Select(pair => pair.First)];
            int end = Array.FindIndex(expected, token => reference.SpecialIds.Stops.Contains(token));
            GenerationResult result = await engine.GenerateAsync(new GenerationRequest { Prompt = prompt.Text, Raw = true, Temperature = 0, MaxTokens = 24 });
            Assert.Equal(prompt.TokenIds.Length, result.PromptTokens);
            Assert.Equal(end < 0 ? expected : expected[..(end + 1)], result.Tokens.Take(end < 0 ? expected.Length : int.MaxValue));
            Assert.Equal(end < 0 ? FinishReason.Length : FinishReason.Stop, result.FinishReason);
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Texts_are_tokenised_as_the_reference_does(string model, string type)
    {
        using LlamaEngine engine = await models.Load(model, type);
        Assert.All(ReferenceModel.Read(model).TokenizerChecks, check => Assert.Equal(check.Ids, engine.Tokenize(check.Text, addSpecial: false, parseSpecial: false)));
    }

    [Theory]
    [InlineData("demo-llama", "<|begin_of_text|>")]
    [InlineData("demo-gemma", "<bos>")]
    public async Task Conversations_are_rendered_as_the_reference_does(string model, string bos)
    {
        Dictionary<string, ChatMessage[]> conversations = new()
        {
            ["chat-capital"] = [new("user", "What is the capital of France?")],
            ["chat-http"] = [new("user", "What does HTTP status 404 mean?")],
            ["chat-json"] = [new("user", "Give the capital of Japan as JSON.")],
        };
        using LlamaEngine engine = await models.Load(model, "BF16");
        ReferenceModel.Prompt[] prompts = ReferenceModel.Read(model).Prompts;
        string turns = prompts.Single(prompt => prompt.Name == "chat-turns").Text;
        string last = turns.Split("user\n")[^1].Split("<")[0];
        conversations["chat-turns"] = [new("user", "Which port does SSH use?"), new("assistant", "SSH uses port 22."), new("user", last)];
        foreach ((string name, ChatMessage[] messages) in conversations)
        {
            ReferenceModel.Prompt prompt = prompts.Single(prompt => prompt.Name == name);
            string text = engine.Render(new GenerationRequest { Messages = messages });
            Assert.StartsWith(bos, text, StringComparison.Ordinal);
            Assert.Equal(prompt.Text, text);
            Assert.Equal(prompt.TokenIds, engine.Vocabulary.TokenizePrompt(text));
            if (messages.Length == 1)
            {
                Assert.Equal(text, engine.Render(new GenerationRequest { Prompt = messages[0].Content }));
            }
        }
        GenerationResult answer = await engine.GenerateAsync(new GenerationRequest { Prompt = "What is the capital of France?", Temperature = 0 });
        Assert.Equal("The capital of France is Paris.", answer.Text);
        Assert.Equal(FinishReason.Stop, answer.FinishReason);
    }

    [Theory]
    [InlineData("demo-llama")]
    [InlineData("demo-gemma")]
    public async Task Perplexity_is_the_references(string model)
    {
        ReferenceModel.PerplexityFigure expected = ReferenceModel.Read(model).Perplexity;
        using LlamaEngine engine = await models.Load(model, "F32", expected.Context);
        int[] tokens = engine.Tokenize(File.ReadAllText(TestPaths.EvalText), addSpecial: false, parseSpecial: false)[..expected.Tokens];
        Assert.Equal(expected.FirstTokenIds, tokens[..expected.FirstTokenIds.Length]);

        QualityResult result = QualityMeter.Measure(engine, null, tokens, expected.Context, null, CancellationToken.None);

        Assert.Equal(expected.Tokens / expected.Context * (expected.Context - 1), result.Tokens);
        Assert.Equal(expected.Value, result.Perplexity, 1e-3);
    }
}
