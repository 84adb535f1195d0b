using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>Prompts of special tokens: what is counted before the engine's tokenizer sees them, it counts too.</summary>
public sealed class SpecialTextsTests(DemoModels models)
{
    [Theory]
    [InlineData("demo-gemma", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>")]
    [InlineData("demo-llama", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>")]
    public async Task SpecialTokensAreCountedAsTheTokenizerFindsThem(string model, params string[] marks)
    {
        using LlamaEngine engine = await models.Load(model, "Q8_0");
        Dictionary<string, int> known = [];
        foreach (string mark in marks)
        {
            if (engine.Tokenize(mark, addSpecial: false, parseSpecial: true) is [int token])
            {
                known[mark] = token;
            }
        }
        Assert.InRange(known.Count, 2, marks.Length);

        Random random = new(9);
        string[] pieces = [.. known.Keys, "a", " word", ".", "<", "<eo", "end_of_turn>"];
        for (int i = 0; i < 200; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(30)).Select(_ => pieces[random.Next(pieces.Length)]));
            Assert.Equal(engine.Tokenize(text, addSpecial: false, parseSpecial: true).Count(known.ContainsValue), engine.Vocabulary.LeastTokens(text));
        }
    }

    [Theory]
    [InlineData("demo-gemma")]
    [InlineData("demo-llama")]
    public async Task NoPromptHasFewerTokensThanItIsSaidToHave(string model)
    {
        using LlamaEngine engine = await models.Load(model, "Q8_0");
        Random random = new(10);
        string[] pieces = ["a", " word", "\n", "\n\n", "  ", "\t", "é", "ß", "漢字", "😀", "𓀀", "\u0301", "<eos>", "▁", "\0", "’"];
        for (int i = 0; i < 300; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => pieces[random.Next(pieces.Length)]));
            Assert.InRange(engine.Vocabulary.LeastTokens(text), 0, engine.Tokenize(text, addSpecial: false, parseSpecial: true).Length);
        }
    }

    /// <summary>The engine's tokenizer would be at it for minutes, and could not be stopped.</summary>
    [Theory]
    [InlineData("<eos>", 1)]
    [InlineData("𓀀", 4)]
    public async Task APromptThatIsSlowToReadAndTooLongIsRefusedUnread(string mark, int tokens)
    {
        const int Marks = 200_000;
        using LlamaEngine engine = await models.Load("demo-gemma", "Q8_0");
        string text = string.Concat(Enumerable.Repeat(mark, Marks));
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => engine.GenerateAsync(new GenerationRequest { Prompt = text, Raw = true }));
        Assert.Equal(ErrorKind.ContextFull, error.Kind);
        Assert.Contains($"{Marks * tokens} tokens", error.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorKind.ContextFull, (await Assert.ThrowsAsync<ModelOpsException>(() => engine.EmbedAsync(new EmbeddingRequest { Texts = [text] }))).Kind);
    }
}
