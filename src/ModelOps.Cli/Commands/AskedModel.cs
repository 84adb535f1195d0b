namespace ModelOps.Cli.Commands;

/// <summary>The model that a command asks: loaded in this process or in one of its own, or served elsewhere.</summary>
internal sealed class AskedModel : IAsyncDisposable
{
    private readonly CommandContext _context;
    private readonly OpenAiEndpoint? _endpoint;
    private readonly IModelRunner? _runner;
    private readonly EngineOptions? _options;
    private readonly FitRequest _wish = new();

    /// <summary>A model that a server runs.</summary>
    public AskedModel(CommandContext context, string name, OpenAiEndpoint endpoint) => (_context, Name, _endpoint) = (context, name, endpoint);

    /// <summary>A model that is to be loaded by a runner, which it owns.</summary>
    public AskedModel(CommandContext context, string name, EngineOptions options, FitRequest wish, IModelRunner runner)
        => (_context, Name, _options, _wish, _runner) = (context, name, options, wish, runner);

    /// <summary>What results call it: as it was named, or, once it is ready, as the server has it.</summary>
    public string Name { get; private set; }

    /// <summary>What answers, once it is ready.</summary>
    public IInference Inference => _endpoint ?? (IInference)_runner!;

    /// <summary>Makes it ready: loads it, with a progress line and what is to be expected of it, for so many requests at once; asks a server for the name of its only model.</summary>
    public async Task PrepareAsync(int parallel, CancellationToken cancellationToken)
    {
        if (_endpoint is not null)
        {
            Name = await _endpoint.GetModelAsync(cancellationToken);
            return;
        }
        await RunCommand.LoadAsync(_context, Name, _runner!, _options!, parallel == 1 ? _wish : ParallelPlacement.Of(_wish, _options!.ModelPath, parallel), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _endpoint?.Dispose();
        if (_runner is not null)
        {
            await _runner.DisposeAsync();
        }
    }
}
