using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>Many requests at once in one context, held against each request alone, and against the references of the demo models.</summary>
public sealed class ParallelAnswersTests(DemoModels models)
{
    private static readonly string[] Prompts =
    [
        "Once upon a time", "The capital of France is", "def add(a, b):", "Late at night,", "1 + 1 =", "Dear Sir or Madam,", "The quick brown fox", "In the beginning",
    ];

    private static GenerationRequest Greedy(string prompt, int tokens = 24) => new() { Prompt = prompt, Raw = true, Temperature = 0, MaxTokens = tokens };

    private async Task<LlamaEngine> Load(string model, int sequences, int context = 2048, bool unified = true)
        => await LlamaEngine.LoadAsync(new EngineOptions
        {
            ModelPath = await models.Gguf(model, "F32"),
            Parameters = new() { ContextLength = context, GpuLayers = 0, Sequences = sequences, UnifiedCache = unified },
            Threads = 1,
        });

    [Theory]
    [InlineData("demo-llama", true)]
    [InlineData("demo-llama", false)]
    [InlineData("demo-gemma", true)]
    [InlineData("demo-gemma", false)]
    [InlineData("demo-gemma-qat", true)]
    public async Task A_prompt_has_the_same_greedy_answer_alone_and_among_eight(string model, bool unified)
    {
        using LlamaEngine alone = await Load(model, 1, 256);
        using LlamaEngine many = await Load(model, 8, unified: unified);
        List<GenerationResult> expected = [];
        foreach (string prompt in Prompts)
        {
            expected.Add(await alone.GenerateAsync(Greedy(prompt)));
        }

        GenerationResult[] answers = await Task.WhenAll(Prompts.Select(prompt => many.GenerateAsync(Greedy(prompt))));
        Assert.Equal(expected.Select(answer => answer.Text), answers.Select(answer => answer.Text));
        Assert.Equal(expected.SelectMany(answer => answer.Tokens), answers.SelectMany(answer => answer.Tokens));

        GenerationResult[] same = await Task.WhenAll(Enumerable.Repeat(0, 8).Select(_ => many.GenerateAsync(Greedy(Prompts[0]))));
        Assert.All(same, answer => Assert.Equal(expected[0].Tokens, answer.Tokens));
    }

    [Theory]
    [InlineData("demo-llama")]
    [InlineData("demo-gemma")]
    public async Task The_references_hold_when_all_prompts_are_answered_at_once(string model)
    {
        using LlamaEngine engine = await Load(model, 3);
        ReferenceModel reference = ReferenceModel.Read(model);
        GenerationResult[] answers = await Task.WhenAll(reference.Prompts.Select(prompt => engine.GenerateAsync(Greedy(prompt.Text))));
        Assert.All(reference.Prompts.Zip(answers), pair =>
        {
            // As far as the reference is certain, or to the end of the turn.
            int[] certain = [.. pair.First.GreedyIds.Zip(pair.First.GreedyMargins).TakeWhile(token => token.Second > 0.05f).Select(token => token.First)];
            int end = Array.FindIndex(certain, token => reference.SpecialIds.Stops.Contains(token));
            Assert.Equal(end < 0 ? certain : certain[..(end + 1)], pair.Second.Tokens.Take(end < 0 ? certain.Length : int.MaxValue));
        });
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("gemma3")]
    [InlineData("mamba2")]
    [InlineData("qwen3next")]
    [InlineData("lfm2")]
    public async Task Every_kind_of_memory_takes_many_and_more_than_it_has_places(string golden)
    {
        using LlamaEngine engine = await GoldenLogitsTests.Load(golden, "f32", contextLength: 512, sequences: 3);
        string[] prompts = ["hello", "a b c d e f g h i j k l m n o p", "x", "the end of the world", "hello again", "1 2 3"];
        List<IReadOnlyList<int>> expected = [];
        foreach (string prompt in prompts)
        {
            using LlamaEngine alone = await GoldenLogitsTests.Load(golden, "f32", contextLength: 128);
            expected.Add((await alone.GenerateAsync(Greedy(prompt, 12))).Tokens);
        }
        GenerationResult[] answers = await Task.WhenAll(prompts.Select(prompt => engine.GenerateAsync(Greedy(prompt, 12))));
        Assert.Equal(expected.SelectMany(tokens => tokens), answers.SelectMany(answer => answer.Tokens));
    }

    [Fact]
    public async Task Each_request_keeps_its_own_seed_stop_strings_and_stream()
    {
        using LlamaEngine alone = await Load("demo-llama", 1, 256);
        using LlamaEngine many = await Load("demo-llama", 4);
        GenerationRequest[] requests =
        [
            Greedy(Prompts[0]) with { Temperature = 1.5f, Seed = 3 },
            Greedy(Prompts[1]) with { Stop = ["."] },
            Greedy(Prompts[3]) with { Temperature = 1, Seed = 4, RepeatPenalty = 1.3f },
            Greedy(Prompts[6], 3),
        ];
        List<string>[] streams = [.. requests.Select(_ => new List<string>())];
        GenerationResult[] answers = await Task.WhenAll(requests.Select((request, index) => many.GenerateAsync(request, new Immediate<GeneratedToken>(token => streams[index].Add(token.Text)))));
        for (int index = 0; index < requests.Length; index++)
        {
            GenerationResult expected = await alone.GenerateAsync(requests[index]);
            Assert.Equal((expected.Text, expected.FinishReason), (answers[index].Text, answers[index].FinishReason));
            Assert.Equal(expected.Text, string.Concat(streams[index]));
        }
    }

    [Fact]
    public async Task Cancelling_one_of_many_leaves_the_others_alone_and_frees_its_slot()
    {
        using LlamaEngine engine = await Load("demo-llama", 2);
        IReadOnlyList<int> expected = (await engine.GenerateAsync(Greedy(Prompts[0], 200))).Tokens;
        using CancellationTokenSource cancellation = new();
        TaskCompletionSource begun = new();
        Task<GenerationResult> dropped = engine.GenerateAsync(Greedy("aaaa", 1500) with { LogitBias = Never(engine) }, new Immediate<GeneratedToken>(_ => begun.TrySetResult()), cancellation.Token);
        await begun.Task;
        Task<GenerationResult> kept = engine.GenerateAsync(Greedy(Prompts[0], 200));
        // Both slots are taken: this one waits, and its turn can only come when the cancelled one has gone.
        Task<GenerationResult> waiting = engine.GenerateAsync(Greedy(Prompts[0], 200));
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dropped);
        Assert.Equal(expected, (await kept).Tokens);
        Assert.Equal(expected, (await waiting).Tokens);
    }

    [Fact]
    public async Task A_request_can_be_cancelled_before_its_turn()
    {
        using LlamaEngine engine = await Load("demo-llama", 1, 1024);
        using CancellationTokenSource cancellation = new();
        TaskCompletionSource begun = new();
        Task<GenerationResult> first = engine.GenerateAsync(Greedy("aaaa", 400) with { LogitBias = Never(engine) }, new Immediate<GeneratedToken>(_ => begun.TrySetResult()));
        await begun.Task;
        Task<GenerationResult> second = engine.GenerateAsync(Greedy("b"), null, cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        Assert.False(first.IsCompleted);
        Assert.Equal(400, (await first).Tokens.Count);
    }

    [Fact]
    public async Task A_progress_that_throws_ends_its_own_request_only()
    {
        using LlamaEngine engine = await Load("demo-llama", 2);
        Task<GenerationResult> bad = engine.GenerateAsync(Greedy(Prompts[0]), new Immediate<GeneratedToken>(_ => throw new FormatException("no")));
        Task<GenerationResult> good = engine.GenerateAsync(Greedy(Prompts[1]));
        await Assert.ThrowsAsync<FormatException>(() => bad);
        Assert.NotEmpty((await good).Text);
    }

    [Fact]
    public async Task Answers_that_outgrow_a_shared_cache_give_way_and_come_to_the_same_end()
    {
        // Three answers of 200 tokens want 600 cells and more; there are 320.
        using LlamaEngine alone = await Load("demo-llama", 1, 256);
        using LlamaEngine tight = await Load("demo-llama", 3, 320);
        GenerationRequest[] requests = [.. Prompts.Take(3).Select(prompt => Greedy(prompt, 200) with { LogitBias = Never(alone) })];
        List<IReadOnlyList<int>> expected = [];
        foreach (GenerationRequest request in requests)
        {
            expected.Add((await alone.GenerateAsync(request)).Tokens);
        }
        GenerationResult[] answers = await Task.WhenAll(requests.Select(request => tight.GenerateAsync(request)));
        Assert.All(answers, answer => Assert.Equal(200, answer.Tokens.Count));
        // Being read again at once and not token by token changes the last digits; the demo model is sure enough of most of it.
        Assert.All(expected.Zip(answers), pair => Assert.InRange(pair.First.Zip(pair.Second.Tokens).TakeWhile(tokens => tokens.First == tokens.Second).Count(), 24, 200));
    }

    [Fact]
    public async Task A_sequence_that_is_full_ends_alone()
    {
        // Separate caches of 256 tokens each.
        using LlamaEngine engine = await Load("demo-llama", 2, 512, unified: false);
        Task<GenerationResult> endless = engine.GenerateAsync(Greedy("aaaa", 1000) with { LogitBias = Never(engine) });
        Task<GenerationResult> other = engine.GenerateAsync(Greedy(Prompts[0], 100) with { LogitBias = Never(engine) });
        GenerationResult full = await endless;
        Assert.Equal(FinishReason.Length, full.FinishReason);
        Assert.Equal(256 + 1, full.PromptTokens + full.Tokens.Count);
        Assert.Equal(100, (await other).Tokens.Count);
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => engine.GenerateAsync(Greedy(string.Concat(Enumerable.Repeat("word ", 400)))));
        Assert.Equal(ErrorKind.ContextFull, error.Kind);
    }

    [Fact]
    public async Task Evaluating_waits_for_the_answers_under_way()
    {
        using LlamaEngine engine = await Load("demo-llama", 2);
        TaskCompletionSource begun = new();
        Task<GenerationResult> answer = engine.GenerateAsync(Greedy(Prompts[0], 100) with { LogitBias = Never(engine) }, new Immediate<GeneratedToken>(_ => begun.TrySetResult()));
        await begun.Task;
        Assert.Equal(3 * engine.VocabularySize, await Task.Run(() => engine.Evaluate([1, 2, 3]).Length));
        Assert.Equal(100, (await answer).Tokens.Count);
    }

    [Fact]
    public async Task Disposing_ends_what_is_under_way()
    {
        LlamaEngine engine = await Load("demo-llama", 1, 2048);
        TaskCompletionSource begun = new();
        Task<GenerationResult> first = engine.GenerateAsync(Greedy("aaaa", 2000) with { LogitBias = Never(engine) }, new Immediate<GeneratedToken>(_ => begun.TrySetResult()));
        await begun.Task;
        Task<GenerationResult> second = engine.GenerateAsync(Greedy("b"));
        engine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => first);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => second);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.GenerateAsync(Greedy("c")));
    }

    /// <summary>Bars the tokens that end an answer.</summary>
    private static Dictionary<int, float> Never(LlamaEngine engine)
        => Enumerable.Range(0, engine.VocabularySize).Where(engine.Vocabulary.IsEndOfGeneration).ToDictionary(token => token, _ => float.NegativeInfinity);
}
