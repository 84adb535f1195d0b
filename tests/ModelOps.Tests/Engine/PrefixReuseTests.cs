using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>What a slot has read is not read again, and changes no answer; full contexts go on or end.</summary>
public sealed class PrefixReuseTests(DemoModels models)
{
    private const string Story = "Once upon a time there was a fox who lived in a forest with many trees. Every day it went to the river to drink.";

    private static GenerationRequest Greedy(string prompt, int tokens = 16) => new() { Prompt = prompt, Raw = true, Temperature = 0, MaxTokens = tokens };

    private async Task<LlamaEngine> Load(string model, int sequences = 1, int context = 256)
        => await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = await models.Gguf(model, "F32"), Parameters = new() { ContextLength = context, GpuLayers = 0, Sequences = sequences }, Threads = 1 });

    [Theory]
    [InlineData("demo-llama")]
    [InlineData("demo-gemma")]
    [InlineData("demo-gemma-qat")]
    public async Task What_two_prompts_begin_with_is_read_once_and_answers_are_the_same(string model)
    {
        using LlamaEngine engine = await Load(model);
        foreach (string more in new[] { "", " Then", " One day", " The fox saw" })
        {
            using LlamaEngine fresh = await Load(model);
            GenerationResult expected = await fresh.GenerateAsync(Greedy(Story + more));
            GenerationResult result = await engine.GenerateAsync(Greedy(Story + more));
            Assert.Equal(expected.Tokens, result.Tokens);
            Assert.Equal(0, expected.CachedPromptTokens);
            Assert.InRange(result.CachedPromptTokens, more.Length == 0 ? 0 : engine.Vocabulary.TokenizePrompt(Story).Length - 3, result.PromptTokens - 1);
        }
    }

    [Theory]
    [InlineData("mamba2")]
    [InlineData("qwen3next")]
    [InlineData("lfm2")]
    public async Task A_state_that_cannot_go_back_is_used_whole_or_not_at_all(string golden)
    {
        using LlamaEngine engine = await GoldenLogitsTests.Load(golden, "f32", contextLength: 256);
        GenerationResult first = await engine.GenerateAsync(Greedy("hello", 6));
        // The same prompt goes back before its answer.
        GenerationResult again = await engine.GenerateAsync(Greedy("hello", 6));
        Assert.Equal((0, first.Text), (again.CachedPromptTokens, again.Text));
    }

    [Fact]
    public async Task A_conversation_finds_its_own_slot_among_several()
    {
        using LlamaEngine engine = await Load("demo-llama", sequences: 2, context: 512);
        string other = "def add(a, b):\n    return a + b\n\ndef sub(a, b):\n";
        await engine.GenerateAsync(Greedy(Story));
        await engine.GenerateAsync(Greedy(other));
        GenerationResult story = await engine.GenerateAsync(Greedy(Story + " Then"));
        GenerationResult code = await engine.GenerateAsync(Greedy(other + "    return"));
        Assert.InRange(story.CachedPromptTokens, engine.Vocabulary.TokenizePrompt(Story).Length - 3, story.PromptTokens - 1);
        Assert.InRange(code.CachedPromptTokens, engine.Vocabulary.TokenizePrompt(other).Length - 3, code.PromptTokens - 1);
    }

    [Fact]
    public async Task What_idle_slots_remember_gives_way_to_a_prompt_that_needs_the_room()
    {
        using LlamaEngine engine = await Load("demo-llama", sequences: 3, context: 256);
        int length = engine.Vocabulary.TokenizePrompt(Story).Length;
        await Task.WhenAll(engine.GenerateAsync(Greedy(Story, 24)), engine.GenerateAsync(Greedy("x" + Story, 24)), engine.GenerateAsync(Greedy("y" + Story, 24)));
        string large = "z " + string.Concat(Enumerable.Repeat(Story + " ", (240 / length) + 1));
        int[] tokens = engine.Vocabulary.TokenizePrompt(large)[..240];
        using LlamaEngine fresh = await Load("demo-llama", context: 256);
        string prompt = string.Concat(tokens.Skip(1).Select(token => Text(engine, token)));
        Assert.Equal((await fresh.GenerateAsync(Greedy(prompt, 10))).Tokens, (await engine.GenerateAsync(Greedy(prompt, 10))).Tokens);
    }

    [Fact]
    public async Task A_context_that_may_shift_goes_on_when_it_is_full()
    {
        using LlamaEngine engine = await Load("demo-llama", context: 256);
        Dictionary<int, float> never = Enumerable.Range(0, engine.VocabularySize).Where(engine.Vocabulary.IsEndOfGeneration).ToDictionary(token => token, _ => float.NegativeInfinity);
        GenerationRequest endless = Greedy(Story, 700) with { LogitBias = never };
        GenerationResult full = await engine.GenerateAsync(endless);
        Assert.Equal((FinishReason.Length, 257), (full.FinishReason, full.PromptTokens + full.Tokens.Count));
        GenerationResult shifted = await engine.GenerateAsync(endless with { Overflow = ContextOverflow.Shift });
        Assert.Equal(700, shifted.Tokens.Count);
        Assert.Equal(full.Tokens, shifted.Tokens.Take(full.Tokens.Count));
        // What was written after a shift follows from what was kept, which the engine then reads by itself: BOS and the later half.
        GenerationResult next = await engine.GenerateAsync(Greedy(Story) with { LogitBias = never });
        Assert.Equal(full.Tokens.Take(16), next.Tokens);
    }

    [Fact]
    public async Task A_shift_keeps_the_begin_token_and_the_later_half()
    {
        using LlamaEngine engine = await Load("demo-llama", context: 256);
        Dictionary<int, float> never = Enumerable.Range(0, engine.VocabularySize).Where(engine.Vocabulary.IsEndOfGeneration).ToDictionary(token => token, _ => float.NegativeInfinity);
        GenerationRequest request = Greedy(Story, 300) with { LogitBias = never, Overflow = ContextOverflow.Shift };
        GenerationResult shifted = await engine.GenerateAsync(request);
        int[] all = [.. engine.Vocabulary.TokenizePrompt(Story), .. shifted.Tokens];
        // The 257th token was read at position 129, after BOS and the 128 before it; nothing else was left. Its keys were computed with what was dropped in sight, so only near the same is asked.
        int keep = engine.Vocabulary.AddsBos ? 1 : 0;
        int dropped = (256 - keep) / 2;
        int[] left = [.. all[..keep], .. all[(keep + dropped)..257]];
        float[] logits = engine.Evaluate(left)[^engine.VocabularySize..].ToArray();
        int rank = logits.Count(logit => logit > logits[all[257]]);
        Assert.InRange(rank, 0, 20);
    }

    [Fact]
    public async Task What_was_read_with_something_in_sight_that_was_dropped_is_no_beginning_of_another_prompt()
    {
        using LlamaEngine engine = await Load("demo-llama", context: 256);
        GenerationRequest request = Greedy(string.Concat(Enumerable.Repeat("a ", 100)), 200) with { Overflow = ContextOverflow.Shift, LogitBias = Enumerable.Range(0, engine.VocabularySize).ToDictionary(token => token, token => engine.Vocabulary.IsEndOfGeneration(token) ? float.NegativeInfinity : 0) };
        GenerationResult shifted = await engine.GenerateAsync(request);
        int[] all = [.. engine.Vocabulary.TokenizePrompt(request.Prompt), .. shifted.Tokens];
        Assert.True(all.Length > 257);
        // As the slot holds it: the begin token, then what came after the gap.
        int keep = engine.Vocabulary.AddsBos ? 1 : 0, dropped = (256 - keep) / 2;
        string left = string.Concat(all.Skip(keep + dropped).Take(100).Select(token => Text(engine, token)));
        Assert.Equal(0, (await engine.GenerateAsync(Greedy(left, 1))).CachedPromptTokens);
    }

    [Fact]
    public async Task A_memory_of_windows_is_refused_a_shift()
    {
        using LlamaEngine engine = await Load("demo-gemma", context: 1024);
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => engine.GenerateAsync(Greedy(Story) with { Overflow = ContextOverflow.Shift }));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public async Task Figures_say_what_took_how_long()
    {
        using LlamaEngine engine = await Load("demo-llama");
        GenerationResult result = await engine.GenerateAsync(Greedy(Story));
        Assert.True(result.LoadTime > TimeSpan.Zero && result.TimeToFirstToken > TimeSpan.Zero);
        Assert.True(result.PromptTokensPerSecond > 0 && result.TokensPerSecond > 0);
        // Reading the prompt is part of the way to the first token.
        Assert.True(result.TimeToFirstToken.TotalSeconds >= 0.99 * result.PromptTokens / result.PromptTokensPerSecond);
    }

    private static string Text(LlamaEngine engine, int token)
    {
        byte[] buffer = new byte[16];
        return System.Text.Encoding.UTF8.GetString(engine.Vocabulary.Piece(token, ref buffer));
    }
}
