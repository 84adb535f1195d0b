using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary>Which model a command asks and where that runs: here, placed as the fit has it, or on a server elsewhere. The argument and options that make an <see cref="AskedModel"/>.</summary>
internal sealed class InferenceSyntax
{
    private readonly FitSyntax _placement = new();
    private readonly EndpointSyntax _remote = new();
    private readonly Option<int> _threads = CommandSyntax.Threads();
    private readonly Option<bool> _isolate = new("--isolate") { Description = "Run the engine in a process of its own." };

    /// <summary>The model, to be added to a command as an argument.</summary>
    public Argument<string> Model { get; } = CommandSyntax.Model();

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_threads, _isolate, .. _remote.Options, .. _placement.Options];

    /// <summary>The model; nothing is loaded yet, nor is anything sent.</summary>
    /// <param name="context">For the store, the environment and notes.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="local">More options that a server elsewhere cannot be told.</param>
    /// <param name="adapters">Adapters to put on the model when it is loaded here.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ModelOpsException">The model is not on this disk; an option is of no use where it runs; the key file's errors.</exception>
    public async Task<AskedModel> OpenAsync(CommandContext context, ParseResult parsed, IEnumerable<Option> local, IReadOnlyList<AdapterOptions> adapters, CancellationToken cancellationToken)
    {
        var name = parsed.GetRequiredValue(Model);
        if (await _remote.OpenAsync(context, parsed, name, [.. _placement.Options, _threads, _isolate, .. local], cancellationToken) is { } endpoint)
        {
            return new AskedModel(context, name, endpoint);
        }
        var options = new EngineOptions { ModelPath = context.ResolveGguf(name), Threads = parsed.GetValue(_threads), Adapters = adapters };
        return new AskedModel(context, name, options, _placement.Read(parsed), parsed.GetValue(_isolate) ? new WorkerRunner(WorkerCommand.CommandLine()) : new InProcessRunner());
    }
}
