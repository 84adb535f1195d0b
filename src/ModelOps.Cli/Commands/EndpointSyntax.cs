using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary>A model that a server elsewhere runs: the options that make an <see cref="OpenAiEndpoint"/>.</summary>
internal sealed class EndpointSyntax
{
    /// <summary>Stands for the only model of a server.</summary>
    private const string OnlyModel = "auto";

    // Here and not the hub's: a command's own option comes before one that all commands share.
    private readonly Option<Uri?> _address = new(GlobalOptions.Endpoint.Name)
    {
        Description = $"Have a server answer that speaks OpenAI's protocol (modelops serve, llama-server, Ollama, vLLM); MODEL is its name there, or {OnlyModel} for the only one. A key is taken from {EndpointOptions.ApiKeyVariable}.",
        HelpName = "URL",
        CustomParser = result => Uri.TryCreate(result.Tokens[^1].Value, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : CommandSyntax.Refuse<Uri?>(result, "--endpoint is no http address."),
    };
    private readonly Option<string?> _keyFile = new("--api-key-file") { Description = $"With --endpoint: file that holds the key, instead of {EndpointOptions.ApiKeyVariable}.", HelpName = "FILE" };

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_address, _keyFile];

    /// <summary>The endpoint; null where the model runs here.</summary>
    /// <param name="context">For the environment and notes.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">The server's name for the model.</param>
    /// <param name="local">Options that say how a model runs here, which a server elsewhere cannot be told.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.Unauthorized"/>, or the key file's.</exception>
    public async Task<OpenAiEndpoint?> OpenAsync(CommandContext context, ParseResult parsed, string model, IEnumerable<Option> local, CancellationToken cancellationToken)
    {
        var (address, keyFile) = (parsed.GetValue(_address), parsed.GetValue(_keyFile));
        if (address is null)
        {
            return keyFile is null ? null : throw new ModelOpsException(ErrorKind.InvalidArgument, $"{_keyFile.Name} goes with {_address.Name}.", "Name the server.");
        }
        if (local.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } vain)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{vain.Name} says how a model runs here; with {_address.Name} it runs on {address.Authority}.", "Leave one of them out.");
        }
        var options = EndpointOptions.FromEnvironment(address, context.Host.Environment) with { Model = model == OnlyModel ? null : model, Notify = notice => context.Output.Note($"warning: {notice}") };
        return new OpenAiEndpoint(keyFile is null ? options : options with { ApiKey = (await context.ReadTextAsync(keyFile, cancellationToken)).Trim() });
    }
}
