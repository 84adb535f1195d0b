using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>Generation on the golden Llama: random weights, so that its text is nonsense but its logits are far from flat.</summary>
public sealed class GenerationTests : IAsyncLifetime
{
    private LlamaEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await GoldenLogitsTests.Load("llama", "f32", contextLength: 256);

    public ValueTask DisposeAsync()
    {
        _engine.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Temperature_0_takes_the_largest_logit_every_time()
    {
        GenerationResult result = await _engine.GenerateAsync(new GenerationRequest { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 20 });

        List<int> tokens = [.. _engine.Tokenize("hello", addSpecial: true, parseSpecial: true)];
        Assert.Equal(tokens.Count, result.PromptTokens);
        foreach (int token in result.Tokens)
        {
            float[] logits = _engine.Evaluate(tokens.ToArray())[^_engine.VocabularySize..].ToArray();
            // Reading a prompt at once and token by token differ in the last digits.
            Assert.InRange(logits[token], logits.Max() - 1e-2f, logits.Max());
            tokens.Add(token);
        }
        Assert.True(result.TokensPerSecond > 0 && result.PromptTokensPerSecond > 0);
    }

    [Fact]
    public async Task Greedy_is_the_same_whatever_the_seed_and_sampling_the_same_for_the_same_seed()
    {
        GenerationRequest greedy = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 12, Seed = 1 };
        Assert.Equal((await _engine.GenerateAsync(greedy)).Tokens, (await _engine.GenerateAsync(greedy with { Seed = 2, TopK = 3 })).Tokens);
        Assert.Equal((await _engine.GenerateAsync(greedy)).Tokens, (await _engine.GenerateAsync(greedy with { Temperature = 5, TopK = 1 })).Tokens);

        GenerationRequest sampled = greedy with { Temperature = 3, TopK = 0, TopP = 1 };
        Assert.Equal((await _engine.GenerateAsync(sampled)).Tokens, (await _engine.GenerateAsync(sampled)).Tokens);
        Assert.NotEqual((await _engine.GenerateAsync(sampled)).Tokens, (await _engine.GenerateAsync(sampled with { Seed = 2 })).Tokens);
        GenerationRequest largest = sampled with { Seed = uint.MaxValue };
        Assert.Equal((await _engine.GenerateAsync(largest)).Tokens, (await _engine.GenerateAsync(largest)).Tokens);
        GenerationRequest random = sampled with { Seed = null, MaxTokens = 30 };
        Assert.NotEqual((await _engine.GenerateAsync(random)).Tokens, (await _engine.GenerateAsync(random)).Tokens);
    }

    [Fact]
    public async Task The_models_own_sampling_settings_are_its_defaults()
    {
        // Its header says temperature 0.6 and top-p 0.9, and nothing of top-k.
        GenerationRequest request = new() { Prompt = "hello", Raw = true, MaxTokens = 40, Seed = 11 };
        GenerationResult byDefault = await _engine.GenerateAsync(request);
        Assert.Equal((await _engine.GenerateAsync(request with { Temperature = 0.6f, TopP = 0.9f, TopK = 40 })).Tokens, byDefault.Tokens);
        Assert.NotEqual((await _engine.GenerateAsync(request with { Temperature = 6f, TopP = 1f, TopK = 0 })).Tokens, byDefault.Tokens);
    }

    [Fact]
    public async Task Streamed_pieces_make_up_the_answer()
    {
        List<GeneratedToken> pieces = [];
        GenerationResult result = await _engine.GenerateAsync(new GenerationRequest { Prompt = "hello", Raw = true, Temperature = 2, Seed = 5, MaxTokens = 60 }, new Immediate<GeneratedToken>(pieces.Add));
        Assert.Equal(result.Tokens, pieces.Select(piece => piece.Id));
        Assert.Equal(result.Text, string.Concat(pieces.Select(piece => piece.Text)));
        Assert.NotEqual("", result.Text);
    }

    [Fact]
    public async Task A_stop_string_ends_the_answer_before_it()
    {
        GenerationRequest request = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 30 };
        GenerationResult whole = await _engine.GenerateAsync(request);
        Assert.True(whole.Text.Length > 8, whole.Text);
        string stop = whole.Text[5..8];
        int at = whole.Text.IndexOf(stop, StringComparison.Ordinal);

        GenerationResult result = await _engine.GenerateAsync(request with { Stop = ["never to be seen", stop] });

        Assert.Equal(whole.Text[..at], result.Text);
        Assert.Equal(FinishReason.Stop, result.FinishReason);
        Assert.True(result.Tokens.Count < whole.Tokens.Count);
    }

    [Fact]
    public async Task A_full_context_ends_an_answer_and_refuses_a_prompt()
    {
        // 250 tokens of prompt leave room for 6 more to be read: 7 can be written.
        string text = new('x', 400);
        int[] tokens = _engine.Tokenize(text, addSpecial: true, parseSpecial: false);
        Assert.True(tokens.Length > 256);
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => _engine.GenerateAsync(new GenerationRequest { Prompt = text, Raw = true }));
        Assert.Equal(ErrorKind.ContextFull, error.Kind);

        int shorter = text.Length;
        while (_engine.Tokenize(text[..shorter], addSpecial: true, parseSpecial: true).Length > 250)
        {
            shorter--;
        }
        int room = 256 - _engine.Tokenize(text[..shorter], addSpecial: true, parseSpecial: true).Length;
        GenerationResult result = await _engine.GenerateAsync(new GenerationRequest { Prompt = text[..shorter], Raw = true, Temperature = 0, MaxTokens = 100 });
        Assert.Equal(FinishReason.Length, result.FinishReason);
        Assert.Equal(room + 1, result.Tokens.Count);
    }

    [Fact]
    public async Task Requests_that_make_no_sense_are_refused()
    {
        GenerationRequest request = new() { Prompt = "hello", Raw = true };
        foreach (GenerationRequest wrong in (GenerationRequest[])[request with { MaxTokens = 0 }, request with { Temperature = -1 }, request with { Temperature = float.NaN }, request with { TopK = -1 }, request with { TopP = 0 }, request with { TopP = 1.5f }, request with { Raw = false, Messages = [] }])
        {
            Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => _engine.GenerateAsync(wrong))).Kind);
        }
    }

    [Fact]
    public async Task Cancelling_stops_between_tokens_and_the_engine_goes_on()
    {
        using CancellationTokenSource cancellation = new();
        int seen = 0;
        GenerationRequest request = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 200 };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _engine.GenerateAsync(request, new Immediate<GeneratedToken>(_ =>
        {
            if (++seen == 5)
            {
                cancellation.Cancel();
            }
        }), cancellation.Token));
        Assert.Equal(5, seen);
        Assert.Equal((await _engine.GenerateAsync(request)).Tokens, (await _engine.GenerateAsync(request)).Tokens);
    }

    [Fact]
    public async Task Cancelling_stops_in_the_middle_of_a_batch()
    {
        using LlamaEngine engine = await GoldenLogitsTests.Load("llama", "f32", contextLength: 8192);
        using CancellationTokenSource cancellation = new();
        int[] tokens = new int[8000];
        Task<Exception?> evaluating = Task.Run(() => Record.Exception(() => { engine.Evaluate(tokens, cancellation.Token); }));
        cancellation.CancelAfter(20);
        Assert.IsAssignableFrom<OperationCanceledException>(await evaluating);
        Assert.Equal(3 * engine.VocabularySize, engine.Evaluate([1, 2, 3]).Length);
    }

    [Fact]
    public async Task Bos_stands_in_front_once_even_where_the_prompt_has_it()
    {
        GenerationRequest request = new() { Raw = true, Temperature = 0, MaxTokens = 10 };
        GenerationResult without = await _engine.GenerateAsync(request with { Prompt = "hello" });
        GenerationResult with = await _engine.GenerateAsync(request with { Prompt = "<s>hello" });
        Assert.Equal(1, _engine.Vocabulary.TokenizePrompt("<s>hello").Count(token => token == 1));
        Assert.InRange(with.PromptTokens - without.PromptTokens, -1, 0);
    }

    [Fact]
    public async Task A_model_without_a_template_is_asked_raw_only()
    {
        // A number is no template.
        using EditedGguf file = new(GoldenLogits.PathOf("llama", "f32"), metadata => metadata.Set("tokenizer.chat_template", 1u));
        using LlamaEngine engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = file.Path, Parameters = new() { ContextLength = 64 }, Threads = 1 });
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => engine.GenerateAsync(new GenerationRequest { Prompt = "a", MaxTokens = 1 }));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("--raw", error.Hint, StringComparison.Ordinal);
        Assert.Single((await engine.GenerateAsync(new GenerationRequest { Prompt = "a", Raw = true, MaxTokens = 1 })).Tokens);
    }

    [Fact]
    public async Task A_broken_template_names_the_way_out()
    {
        using EditedGguf file = new(GoldenLogits.PathOf("llama", "f32"), metadata => metadata.Set("tokenizer.chat_template", "{{ messages | nonsense }}"));
        using LlamaEngine engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = file.Path, Parameters = new() { ContextLength = 64 }, Threads = 1 });
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => engine.GenerateAsync(new GenerationRequest { Prompt = "hi" }));
        Assert.Equal(ErrorKind.InvalidTemplate, error.Kind);
        Assert.Contains("--raw", error.Hint, StringComparison.Ordinal);
        Assert.NotEmpty((await engine.GenerateAsync(new GenerationRequest { Prompt = "hi", Raw = true, MaxTokens = 2 })).Tokens);
    }
}
