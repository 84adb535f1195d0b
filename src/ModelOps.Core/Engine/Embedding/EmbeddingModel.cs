namespace ModelOps.Engine;

/// <summary>What a model makes of texts that it only reads: vectors, and judgements of documents. One request at a time, in the order of their coming.</summary>
internal sealed class EmbeddingModel : IDisposable
{
    // llama_pooling_type
    private const int Mean = 1, Rank = 4;

    private readonly TextEncoder _encoder;
    private readonly Vocabulary _vocabulary;
    private readonly RerankPrompt _rerank;
    private readonly int _mostTokens;
    private readonly long? _pooling;
    private readonly bool _ranks;
    private readonly SemaphoreSlim _reading = new(1);
    private readonly CancellationTokenSource _closing = new();

    /// <param name="encoder">Reads; disposed with it.</param>
    /// <param name="vocabulary">The tokenizer.</param>
    /// <param name="file">The model's header.</param>
    /// <param name="mostTokens">Tokens of a text that it can read.</param>
    public EmbeddingModel(TextEncoder encoder, Vocabulary vocabulary, GgufFile file, int mostTokens)
    {
        _encoder = encoder;
        _vocabulary = vocabulary;
        _rerank = new RerankPrompt(file.Metadata, vocabulary);
        _mostTokens = mostTokens;
        _pooling = file.Metadata.FindInteger($"{file.Architecture}.pooling_type");
        _ranks = _pooling == Rank || HasOneScore(file);
    }

    /// <summary>The vectors of texts.</summary>
    public Task<EmbeddingResult> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken) => ReadAsync(stop =>
    {
        if (request.Pooling is null && _ranks)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The model judges documents by a query and was not trained to give vectors.", "Rerank with it, or say how the tokens of a text are to become one vector.");
        }
        var texts = Tokenize(request.Texts, _vocabulary.TokenizePrompt, "text", _vocabulary.LeastTokens);
        var pooling = request.Pooling switch
        {
            PoolingKind.Mean => Mean,
            PoolingKind.Cls => 2,
            PoolingKind.Last => 3,
            _ => _pooling is 1 or 2 or 3 ? (int)_pooling : Mean,
        };
        var vectors = _encoder.Read(texts, pooling, _encoder.Width, stop);
        if (request.Normalize)
        {
            foreach (var vector in vectors)
            {
                Normalize(vector);
            }
        }
        return new EmbeddingResult(vectors, texts.Sum(text => text.Length));
    }, cancellationToken);

    /// <summary>How well documents answer a query.</summary>
    public Task<RerankResult> RerankAsync(RerankRequest request, CancellationToken cancellationToken) => ReadAsync(stop =>
    {
        if (!_ranks)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The model was not trained to judge documents.", "Give a reranker, such as bge-reranker or Qwen3-Reranker.");
        }
        if (string.IsNullOrEmpty(request.Query))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The query is empty.");
        }
        var texts = Tokenize(request.Documents, document => _rerank.Tokens(request.Query, document), "document, with the query,");
        return new RerankResult([.. _encoder.Read(texts, Rank, 1, stop).Select(row => (double)row[0])], texts.Sum(text => text.Length));
    }, cancellationToken);

    /// <summary>Stops what is being read, and waits until it has stopped.</summary>
    public void Dispose()
    {
        _closing.Cancel();
        _reading.Wait();
        _encoder.Dispose();
        _reading.Release();
    }

    private List<int[]> Tokenize(IReadOnlyList<string> texts, Func<string, int[]> tokenize, string what, Func<string, int>? least = null)
    {
        if (_encoder.HasDecoderBehind)
        {
            throw new ModelOpsException(ErrorKind.EngineFailure, "What a model with an encoder and a decoder reads is not to be had as vectors.", "Use an embedding model.");
        }
        if (texts.Count == 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "No texts were given.");
        }
        var read = new List<int[]>(texts.Count);
        foreach (var text in texts)
        {
            ArgumentNullException.ThrowIfNull(text);
            if (least is not null && text.Length > _mostTokens && least(text) is var count && count > _mostTokens)
            {
                throw TooLong(count);
            }
            var tokens = tokenize(text);
            if (tokens.Length == 0)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"Text {read.Count + 1} is empty.");
            }
            if (tokens.Length > _mostTokens)
            {
                throw TooLong(tokens.Length);
            }
            read.Add(tokens);
        }
        return read;

        ModelOpsException TooLong(int tokens)
            => new(ErrorKind.ContextFull, $"The {what} of number {read.Count + 1} has {tokens} tokens; the model reads {_mostTokens} at once.", "Cut it in pieces.");
    }

    /// <summary>Whether a classifier's head gives one number: converters do not always say that it ranks.</summary>
    private static bool HasOneScore(GgufFile file)
        => (file.Tensors.FirstOrDefault(tensor => tensor.Name == "cls.output.weight") ?? file.Tensors.FirstOrDefault(tensor => tensor.Name == "cls.weight")) is { } head && (head.Shape.Count < 2 || head.Shape[1] == 1);

    /// <summary>To a length of 1 (L2); a vector of zeros stays one.</summary>
    private static void Normalize(float[] vector)
    {
        double sum = 0;
        foreach (var value in vector)
        {
            sum += (double)value * value;
        }
        var scale = sum > 0 ? 1 / Math.Sqrt(sum) : 0;
        for (var index = 0; index < vector.Length; index++)
        {
            vector[index] = (float)(vector[index] * scale);
        }
    }

    private async Task<T> ReadAsync<T>(Func<CancellationToken, T> read, CancellationToken cancellationToken)
    {
        await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        try
        {
            return await Task.Run(() => read(either.Token), either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(LlamaEngine));
        }
        finally
        {
            _reading.Release();
        }
    }
}
