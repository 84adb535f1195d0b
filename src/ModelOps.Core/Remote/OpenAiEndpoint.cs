using System.Text.Json;
using System.Text.Json.Nodes;
using ModelOps.Hub;
using ModelOps.Remote;

namespace ModelOps;

/// <summary>
/// A model that a server elsewhere runs: ours, llama-server, Ollama, vLLM, SGLang or any other that speaks OpenAI's protocol. Requests, and records that come back,
/// are those of models here. Safe for concurrent calls.
/// </summary>
public sealed class OpenAiEndpoint : IInference, IDisposable
{
    // What one request may hold; larger lists go out in several.
    private const int MostTexts = 256;

    private readonly EndpointOptions _options;
    private readonly EndpointErrors _errors;
    private readonly EndpointTransport _transport;
    private string? _model;

    /// <summary>Checks the address and the key; nothing is sent yet.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.Unauthorized"/>.</exception>
    public OpenAiEndpoint(EndpointOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _errors = new EndpointErrors(options);
        _transport = new EndpointTransport(options, _errors);
        _model = options.Model;
    }

    /// <summary>The server's names of its models.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Unauthorized"/>, <see cref="ErrorKind.NetworkFailure"/> and what else a server may answer.</exception>
    public Task<IReadOnlyList<string>> ListModelsAsync(CancellationToken cancellationToken = default)
        => _transport.SendAsync("models", null, (_, reader, token) => WholeAsync<IReadOnlyList<string>>(reader, json => json.GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString() ?? "").Where(name => name.Length > 0)
            .ToArray(), token), static () => false, cancellationToken);

    /// <summary>The server's name of the model that is asked: that of the options, else that of the only one it lists.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when it lists several, <see cref="ErrorKind.ModelNotFound"/> when none, and what <see cref="ListModelsAsync"/> throws.</exception>
    public async Task<string> GetModelAsync(CancellationToken cancellationToken = default)
    {
        if (_model is not null)
        {
            return _model;
        }
        IReadOnlyList<string> names = await ListModelsAsync(cancellationToken).ConfigureAwait(false);
        return _model = names switch
        {
            [var only] => only,
            [] => throw new ModelOpsException(ErrorKind.ModelNotFound, $"{_options.Address.Authority} lists no model.", "Name one that it has."),
            _ => throw new ModelOpsException(ErrorKind.InvalidArgument, $"{_options.Address.Authority} has {names.Count} models.", $"Name one of them: {string.Join(", ", names.Take(10).Select(HubErrors.Readable))}{(names.Count > 10 ? " …" : "")}"),
        };
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Token ids are −1, as the protocol does not tell them. Speeds are the server's own where it measures them (llama-server), else they include the network.
    /// What OpenAI has no word for – top-k, min-p, DRY, grammars and so on – goes under llama-server's names.
    /// </remarks>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.Unauthorized"/>, <see cref="ErrorKind.ModelNotFound"/>, <see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.ContextFull"/>, <see cref="ErrorKind.RateLimited"/>,
    /// <see cref="ErrorKind.NetworkFailure"/>; <see cref="ErrorKind.EngineFailure"/> when an answer was to be JSON and is not.
    /// </exception>
    public async Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        JsonObject body = GenerationBody.Of(request, await GetModelAsync(cancellationToken).ConfigureAwait(false));
        long start = _options.Time.GetTimestamp();
        AnswerCollector? answer = null;
        GenerationResult result = await _transport.SendAsync(request.Raw ? "completions" : "chat/completions", body, async (response, reader, token) =>
        {
            answer = new AnswerCollector(start, progress, _options, _errors);
            string? type = response.Content.Headers.ContentType?.MediaType;
            if (type == "text/html")
            {
                throw _errors.Unexpected("it is a page for people");
            }
            bool ended = type == "application/json" ? await TakeWholeAsync(answer, reader, token).ConfigureAwait(false) : await TakeStreamAsync(answer, reader, token).ConfigureAwait(false);
            return ended || answer.IsFinished ? answer.Finish(request.MaxTokens) : throw _errors.Broken("its answer has no end");
        }, () => answer is { GivenOut: true }, cancellationToken).ConfigureAwait(false);
        RequireJson(request, result);
        return result with { Model = result.Model ?? _model };
    }

    /// <inheritdoc/>
    public async Task<EmbeddingResult> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Pooling is not null)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "A server elsewhere cannot be told how to pool.", "Leave that out: the server's model has its own way.");
        }
        string model = await GetModelAsync(cancellationToken).ConfigureAwait(false);
        List<float[]> vectors = new(request.Texts.Count);
        int tokens = 0;
        foreach (string[] texts in request.Texts.Chunk(MostTexts))
        {
            JsonObject body = new() { ["model"] = model, ["input"] = Texts(texts), ["encoding_format"] = "float" };
            (float[][] some, int read) = await _transport.SendAsync("embeddings", body, (_, reader, token) => WholeAsync(reader, json => VectorAnswer.Embeddings(json, texts.Length, _errors), token), static () => false, cancellationToken).ConfigureAwait(false);
            vectors.AddRange(request.Normalize ? some.Select(Normalized) : some);
            tokens += read;
        }
        return new EmbeddingResult(vectors, tokens);
    }

    /// <inheritdoc/>
    public async Task<RerankResult> RerankAsync(RerankRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Documents.Count == 0)
        {
            return new RerankResult([], 0);
        }
        JsonObject body = new() { ["model"] = await GetModelAsync(cancellationToken).ConfigureAwait(false), ["query"] = request.Query, ["documents"] = Texts(request.Documents), ["top_n"] = request.Documents.Count };
        (double[] scores, int tokens) = await _transport.SendAsync("rerank", body, (_, reader, token) => WholeAsync(reader, json => VectorAnswer.Scores(json, request.Documents.Count, _errors), token), static () => false, cancellationToken).ConfigureAwait(false);
        return new RerankResult(scores, tokens);
    }

    /// <inheritdoc/>
    public void Dispose() => _transport.Dispose();

    // A server that does not stream.
    private static async Task<bool> TakeWholeAsync(AnswerCollector answer, EventReader reader, CancellationToken cancellationToken)
    {
        answer.Take(await reader.WholeAsync(cancellationToken).ConfigureAwait(false));
        return true;
    }

    /// <summary>Takes the pieces; false when the body ended without saying that it does.</summary>
    private static async Task<bool> TakeStreamAsync(AnswerCollector answer, EventReader reader, CancellationToken cancellationToken)
    {
        while (await reader.NextAsync(cancellationToken).ConfigureAwait(false) is { } data)
        {
            if (data == "[DONE]")
            {
                return true;
            }
            answer.Take(data);
        }
        return false;
    }

    private async Task<T> WholeAsync<T>(EventReader reader, Func<JsonElement, T> read, CancellationToken cancellationToken)
    {
        string text = await reader.WholeAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return read(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw _errors.Unexpected(exception is JsonException ? "it is not JSON" : "a part of it is missing or of another kind", exception);
        }
    }

    /// <summary>A server that does not know schemas writes what it likes; that is found out here, not by whoever parses it.</summary>
    private void RequireJson(GenerationRequest request, GenerationResult result)
    {
        if (request.Schema is null || request.Raw || result.FinishReason != FinishReason.Stop)
        {
            return;
        }
        try
        {
            using JsonDocument document = JsonDocument.Parse(result.Text);
        }
        catch (JsonException exception)
        {
            throw new ModelOpsException(ErrorKind.EngineFailure, $"{_options.Address.Authority} was asked for JSON under a schema and answered something else.", "It passes over response_format. Run the model here, or on a server that knows it.", exception);
        }
    }

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => JsonValue.Create(text))]);

    private static float[] Normalized(float[] vector)
    {
        double length = Math.Sqrt(vector.Sum(number => (double)number * number));
        return length > 0 ? [.. vector.Select(number => (float)(number / length))] : vector;
    }
}
