using ModelOps.Engine;
using ModelOps.Tests.Conversion;
using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>Vectors and judgements, held against the encoders' forward passes by their papers (<see cref="ReferenceModels"/>).</summary>
public sealed class EmbeddingTests : IDisposable
{
    private const int Heads = 4;

    private static readonly string[] Texts = ["hello world", "the cat sat on the mat", "a", "one two three four five six seven", "hello world"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("bert", PoolingKind.Cls)]
    [InlineData("bert", PoolingKind.Mean)]
    [InlineData("bert", PoolingKind.Last)]
    [InlineData("xlm-roberta", PoolingKind.Mean)]
    public async Task Vectors_are_those_of_the_models_own_forward(string golden, PoolingKind pooling)
    {
        using LlamaEngine engine = await Load(GoldenLogits.PathOf(golden, "f32"));
        Reference reference = new(TinyCheckpoint.Of(golden));
        EmbeddingResult raw = await engine.EmbedAsync(new EmbeddingRequest { Texts = Texts, Pooling = pooling, Normalize = false });
        EmbeddingResult unit = await engine.EmbedAsync(new EmbeddingRequest { Texts = Texts, Pooling = pooling });
        int tokens = 0;
        for (int index = 0; index < Texts.Length; index++)
        {
            int[] ids = engine.Vocabulary.TokenizePrompt(Texts[index]);
            tokens += ids.Length;
            double[] expected = Pool(golden == "bert" ? ReferenceModels.Bert(reference, ids, "", Heads, 0, 1e-12) : ReferenceModels.Bert(reference, ids, "", Heads, 2, 1e-5), pooling);
            EncoderCheckpoints.RequireEqual(expected, raw.Vectors[index]);
            double length = Math.Sqrt(expected.Sum(value => value * value));
            EncoderCheckpoints.RequireEqual([.. expected.Select(value => value / length)], unit.Vectors[index]);
            Assert.Equal(1, unit.Vectors[index].Sum(value => (double)value * value), 1e-5);
        }
        Assert.Equal(tokens, raw.Tokens);
    }

    [Fact]
    public async Task A_models_own_pooling_is_its_default()
    {
        using LlamaEngine engine = await Load(GoldenLogits.PathOf("bert", "f32"));
        Assert.Equal(2, GgufFile.Read(GoldenLogits.PathOf("bert", "f32")).Metadata.GetInteger("bert.pooling_type"));
        Assert.Equal((await engine.EmbedAsync(new EmbeddingRequest { Texts = Texts, Pooling = PoolingKind.Cls })).Vectors, (await engine.EmbedAsync(new EmbeddingRequest { Texts = Texts })).Vectors);
    }

    [Fact]
    public void A_decoder_gives_the_last_tokens_vector_as_another_binding_measured()
    {
        GoldenLogits expected = GoldenLogits.Read("qwen3-embedding", "f32");
        LlamaApi api = LlamaLibrary.Load(null);
        EngineOptions options = new() { ModelPath = GoldenLogits.PathOf("qwen3-embedding", "f32"), Parameters = new() { GpuLayers = 0 }, Threads = 1 };
        using LlamaModelHandle model = ModelLoading.LoadModel(api, options, GgufFile.Read(options.ModelPath), null, CancellationToken.None);
        using TextEncoder encoder = new(api, model, options, AdapterSet.Load(api, model, []));
        const int Last = 3;
        IReadOnlyList<float[]> rows = encoder.Read([expected.Tokens, [.. expected.Tokens.Take(5)], expected.Tokens], Last, encoder.Width, CancellationToken.None);
        foreach ((int id, float value) in expected.Top)
        {
            Assert.Equal(value, rows[0][id], 1e-3 * Math.Max(1, Math.Abs(value)));
            Assert.Equal(value, rows[2][id], 1e-3 * Math.Max(1, Math.Abs(value)));
        }
    }

    [Fact]
    public async Task More_texts_than_a_batch_holds_and_longer_ones_than_the_first_come_in_order()
    {
        using LlamaEngine engine = await Load(GoldenLogits.PathOf("xlm-roberta", "f32"));
        string[] many = [.. Enumerable.Range(0, 300).Select(index => string.Concat(Enumerable.Repeat("word ", (index % 7) + 1)) + index)];
        EmbeddingResult together = await engine.EmbedAsync(new EmbeddingRequest { Texts = many });
        foreach (int index in new[] { 0, 63, 64, 65, 199, 299 })
        {
            EmbeddingResult alone = await engine.EmbedAsync(new EmbeddingRequest { Texts = [many[index]] });
            EncoderCheckpoints.RequireEqual([.. alone.Vectors[0].Select(value => (double)value)], together.Vectors[index]);
        }
    }

    [Theory]
    [InlineData("bert", 4, 5)]
    [InlineData("xlm-roberta", 0, 2)]
    public async Task A_ranker_scores_by_its_head(string kind, int begin, int end)
    {
        TinyRanker ranker = kind == "bert" ? TinyRanker.Bert() : TinyRanker.XlmRoberta();
        string path = _folder.File("ranker.gguf");
        await ranker.ConvertAsync(path);
        using LlamaEngine engine = await Load(path);

        RerankResult result = await engine.RerankAsync(new RerankRequest { Query = "hello", Documents = Texts });

        // BERT's pairs: [CLS] query [SEP] document [SEP]; XLM-RoBERTa's: <s> query </s></s> document </s>. The engine's file says how many of the separators there are.
        List<int[]> pairs = [.. Texts.Select(text => new RerankPrompt(GgufFile.Read(path).Metadata, engine.Vocabulary).Tokens("hello", text))];
        Assert.All(pairs, ids => Assert.Equal((begin, end), (ids[0], ids[^1])));
        Assert.All(ranker.Scores(pairs).Zip(result.Scores), pair => Assert.Equal(pair.First, pair.Second, 1e-3 * Math.Max(1, Math.Abs(pair.First))));
        Assert.Equal(result.Scores[0], result.Scores[4], 1e-6);
        await Assert.ThrowsAsync<ModelOpsException>(() => engine.EmbedAsync(new EmbeddingRequest { Texts = Texts }));
    }

    [Fact]
    public async Task What_cannot_be_read_is_told()
    {
        using LlamaEngine engine = await Load(GoldenLogits.PathOf("bert", "f32"));
        await Refused(ErrorKind.InvalidArgument, new EmbeddingRequest());
        await Refused(ErrorKind.ContextFull, new EmbeddingRequest { Texts = ["a", string.Concat(Enumerable.Repeat("word ", 500))] });
        Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => engine.RerankAsync(new RerankRequest { Query = "a", Documents = ["b"] }))).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => engine.GenerateAsync(new GenerationRequest { Prompt = "a", Raw = true }))).Kind);
        Assert.Single((await engine.EmbedAsync(new EmbeddingRequest { Texts = ["a"] })).Vectors);

        async Task Refused(ErrorKind kind, EmbeddingRequest request) => Assert.Equal(kind, (await Assert.ThrowsAsync<ModelOpsException>(() => engine.EmbedAsync(request))).Kind);
    }

    [Fact]
    public async Task An_engine_that_writes_gives_vectors_beside_its_answers()
    {
        using LlamaEngine engine = await GoldenLogitsTests.Load("llama", "f32", contextLength: 512, sequences: 2);
        GenerationRequest request = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 100 };
        GenerationResult expected = await engine.GenerateAsync(request);
        Task<GenerationResult> answer = engine.GenerateAsync(request);
        Task<EmbeddingResult>[] vectors = [.. Enumerable.Repeat(0, 4).Select(_ => engine.EmbedAsync(new EmbeddingRequest { Texts = Texts }))];
        Assert.Equal(expected.Tokens, (await answer).Tokens);
        Assert.All(await Task.WhenAll(vectors), result => EncoderCheckpoints.RequireEqual([.. result.Vectors[0].Select(value => (double)value)], result.Vectors[4]));
    }

    private static double[] Pool(double[][] rows, PoolingKind pooling) => pooling switch
    {
        PoolingKind.Cls => rows[0],
        PoolingKind.Last => rows[^1],
        _ => [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Average(row => row[column]))],
    };

    private static Task<LlamaEngine> Load(string path) => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = path, Parameters = new() { GpuLayers = 0 }, Threads = 1 });
}
