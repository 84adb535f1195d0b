using Xunit;

namespace ModelOps.Tests.Runner;

/// <summary>Texts that are asked for one by one, and read in batches; and how alike vectors are.</summary>
public sealed class TextEmbedderTests
{
    [Fact]
    public async Task TextsThatComeMeanwhileAreReadTogether()
    {
        var model = new Lengths();
        var embedder = new TextEmbedder(model, new EmbeddingRequest { Pooling = PoolingKind.Last, Normalize = false });
        var texts = Enumerable.Range(0, 200).Select(number => new string('x', 1 + number)).ToList();

        var first = embedder.EmbedAsync(texts[0]);
        await model.Begun.Task;
        var others = texts.Skip(1).Select(embedder.EmbedAsync).ToList();
        model.Go.SetResult();

        Assert.Equal(texts.Select(text => (float)text.Length), (await Task.WhenAll([first, .. others])).Select(vector => vector[0]));
        Assert.Equal([1, TextEmbedder.BatchSize, TextEmbedder.BatchSize, TextEmbedder.BatchSize, 200 - 1 - 3 * TextEmbedder.BatchSize], model.Batches);
        Assert.All(model.Requests, request => Assert.Equal((PoolingKind.Last, false), (request.Pooling, request.Normalize)));
        Assert.Equal(texts.Sum(text => text.Length), embedder.Tokens);
    }

    [Fact]
    public async Task ATextThatCannotBeReadFailsAlone()
    {
        var model = new Lengths();
        var embedder = new TextEmbedder(model, new EmbeddingRequest());
        var first = embedder.EmbedAsync("a");
        await model.Begun.Task;
        var good = embedder.EmbedAsync("bb");
        var bad = embedder.EmbedAsync(Lengths.TooLong);
        var late = embedder.EmbedAsync("cccc");
        model.Go.SetResult();

        Assert.Equal(ErrorKind.ContextFull, (await Assert.ThrowsAsync<ModelOpsException>(() => bad)).Kind);
        var vectors = await Task.WhenAll(first, good, late);
        Assert.Equal([1f, 2f, 4f], vectors.Select(vector => vector[0]));
        Assert.Equal(3, (await embedder.EmbedAsync("ddd"))[0]);
    }

    [Fact]
    public async Task ADefectReachesAllThatWait()
    {
        var model = new Lengths { Defect = new NotSupportedException() };
        model.Go.SetResult();
        var embedder = new TextEmbedder(model, new EmbeddingRequest());
        await Assert.ThrowsAsync<NotSupportedException>(() => embedder.EmbedAsync("a"));
        await Assert.ThrowsAsync<NotSupportedException>(() => embedder.EmbedAsync("b"));
    }

    [Fact]
    public async Task AServerThatIsGoneIsNotAskedForEveryText()
    {
        var model = new Lengths();
        var embedder = new TextEmbedder(model, new EmbeddingRequest());
        var first = embedder.EmbedAsync("a");
        await model.Begun.Task;
        var others = Enumerable.Range(0, TextEmbedder.BatchSize).Select(_ => embedder.EmbedAsync("b")).ToList();
        model.Defect = new ModelOpsException(ErrorKind.NetworkFailure, "Nobody answers.");
        model.Go.SetResult();

        await Assert.ThrowsAsync<ModelOpsException>(() => first);
        foreach (var other in others)
        {
            Assert.Equal(ErrorKind.NetworkFailure, (await Assert.ThrowsAsync<ModelOpsException>(() => other)).Kind);
        }
        Assert.Equal([1, TextEmbedder.BatchSize], model.Batches);
    }

    /// <summary>Figures of numpy: a @ b / norm(a) / norm(b).</summary>
    [Theory]
    [InlineData(new float[] { 1, 0 }, new float[] { 1, 1 }, 0.7071067811865475)]
    [InlineData(new float[] { 1, 2, 3 }, new float[] { 4, 5, 6 }, 0.9746318461970762)]
    [InlineData(new float[] { 3, -4 }, new float[] { -3, 4 }, -1)]
    [InlineData(new float[] { 1e20f, 1e20f }, new float[] { 1e20f, 0 }, 0.7071067811865475)]
    [InlineData(new float[] { 0, 0 }, new float[] { 1, 1 }, 0)]
    public void TheCosineIsThatOfTheAngle(float[] first, float[] second, double expected) => Assert.Equal(expected, Similarity.Cosine(first, second), 1e-7);

    [Fact]
    public void VectorsOfTwoModelsAreNotCompared() => Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => Similarity.Cosine([1], [1, 2])).Kind);

    [Fact]
    public void ARankingHasTheBestFirstAndKeepsTheOrderOfEquals()
    {
        var ranking = Ranking.Of([("a", "1"), ("b", null), ("c", "3"), ("d", "4")], [0.5, 2, 0.5, -1], "m");
        Assert.Equal([(1, "b"), (2, "a"), (3, "c"), (4, "d")], ranking.Select(document => (document.Rank, document.Document)));
        Assert.Equal((2d, null, "m"), (ranking[0].Score, ranking[0].Id, ranking[0].Model));
    }

    /// <summary>A model whose vectors are the texts' lengths; the first call waits to be let go.</summary>
    private sealed class Lengths : IInference
    {
        public const string TooLong = "too long";

        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public List<EmbeddingRequest> Requests { get; } = [];
        public IEnumerable<int> Batches => Requests.Select(request => request.Texts.Count);
        public Exception? Defect { get; set; }

        public async Task<EmbeddingResult> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken = default)
        {
            Requests.Add(request);
            Begun.TrySetResult();
            await Go.Task;
            if (Defect is not null)
            {
                throw Defect;
            }
            return request.Texts.Contains(TooLong)
                ? throw new ModelOpsException(ErrorKind.ContextFull, "too long")
                : new EmbeddingResult([.. request.Texts.Select(text => new float[] { text.Length })], request.Texts.Sum(text => text.Length));
        }

        public Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<RerankResult> RerankAsync(RerankRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}
