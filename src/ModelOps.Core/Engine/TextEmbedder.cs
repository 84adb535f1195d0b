namespace ModelOps;

/// <summary>
/// Brings texts that are asked for one by one to a model in batches: those that come while a batch is being read make up the next. A text that cannot be read
/// fails alone.
/// </summary>
/// <param name="inference">The model.</param>
/// <param name="request">How vectors are made; its texts do not count.</param>
/// <param name="cancellationToken">Stops what is being read.</param>
public sealed class TextEmbedder(IInference inference, EmbeddingRequest request, CancellationToken cancellationToken = default)
{
    /// <summary>Texts in a batch at most.</summary>
    public const int BatchSize = 64;

    private readonly Lock _lock = new();
    private readonly Queue<(string Text, TaskCompletionSource<float[]> Vector)> _waiting = [];
    private bool _reading;
    private long _tokens;

    /// <summary>Tokens that were read.</summary>
    public long Tokens => Interlocked.Read(ref _tokens);

    /// <summary>The vector of a text.</summary>
    /// <exception cref="ModelOpsException">What <see cref="IInference.EmbedAsync"/> throws.</exception>
    public Task<float[]> EmbedAsync(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var vector = new TaskCompletionSource<float[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _waiting.Enqueue((text, vector));
            if (!_reading)
            {
                _reading = true;
                _ = Task.Run(ReadAsync, CancellationToken.None);
            }
        }
        return vector.Task;
    }

    private async Task ReadAsync()
    {
        while (Take() is { Count: > 0 } batch)
        {
            try
            {
                await ReadAsync(batch).ConfigureAwait(false);
            }
            catch (ModelOpsException exception) when (batch.Count > 1 && exception.Kind is ErrorKind.ContextFull or ErrorKind.InvalidArgument or ErrorKind.EngineFailure)
            {
                // One of them may be to blame: each for itself then.
                foreach (var one in batch)
                {
                    await SettleAsync([one]).ConfigureAwait(false);
                }
            }
            catch (Exception exception)
            {
                Fail(batch, exception);
            }
        }
    }

    private async Task SettleAsync(List<(string Text, TaskCompletionSource<float[]> Vector)> batch)
    {
        try
        {
            await ReadAsync(batch).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            Fail(batch, exception);
        }
    }

    private async Task ReadAsync(List<(string Text, TaskCompletionSource<float[]> Vector)> batch)
    {
        var result = await inference.EmbedAsync(request with { Texts = [.. batch.Select(item => item.Text)] }, cancellationToken).ConfigureAwait(false);
        Interlocked.Add(ref _tokens, result.Tokens);
        for (var index = 0; index < batch.Count; index++)
        {
            batch[index].Vector.SetResult(result.Vectors[index]);
        }
    }

    private static void Fail(List<(string Text, TaskCompletionSource<float[]> Vector)> batch, Exception exception)
    {
        foreach (var item in batch)
        {
            item.Vector.TrySetException(exception);
        }
    }

    private List<(string Text, TaskCompletionSource<float[]> Vector)> Take()
    {
        lock (_lock)
        {
            var batch = new List<(string Text, TaskCompletionSource<float[]> Vector)>();
            while (batch.Count < BatchSize && _waiting.TryDequeue(out var next))
            {
                batch.Add(next);
            }
            _reading = batch.Count > 0;
            return batch;
        }
    }
}
