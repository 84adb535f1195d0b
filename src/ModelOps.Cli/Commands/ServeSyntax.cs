using System.CommandLine;
using ModelOps.Server.Inference;

namespace ModelOps.Cli.Commands;

/// <summary>To whom a server answers, and how much: the options of <c>serve</c> that make <see cref="InferenceOptions"/>.</summary>
internal sealed class ServeSyntax
{
    /// <summary>Environment variable with a key.</summary>
    public const string KeyVariable = "MODELOPS_API_KEY";

    private static readonly InferenceOptions Usual = new() { Models = [], Runner = () => new InProcessRunner() };

    private readonly Option<string?> _keyFile = new("--api-key-file") { Description = $"File with the keys that clients may carry, one a line; or {KeyVariable} holds one. Needed where others reach the address.", HelpName = "FILE" };
    private readonly Option<string[]> _origins = new("--cors") { Description = "Origin of web pages that may ask, such as https://chat.example.com; may be given more than once. None but the built-in page otherwise.", HelpName = "ORIGIN" };
    private readonly Option<int> _parallel = CommandSyntax.Number("--parallel", "N", "Requests that a model answers at once; they share its context.", Usual.Parallel, least: 1);
    private readonly Option<int> _queue = CommandSyntax.Number("--queue", "N", "Requests that may wait for a model; more are refused with 429.", Usual.Queue, least: 0);
    private readonly Option<TimeSpan?> _idle = CommandSyntax.Age("--idle", "Unload a model that nobody asked for this long, such as 10m (the default) or 2h; 0m keeps it.");
    private readonly Option<int> _timeout = CommandSyntax.Number("--timeout", "SECONDS", "Time that a request may take, waiting included.", (int)Usual.Timeout.TotalSeconds, least: 1);
    private readonly Option<int> _drain = CommandSyntax.Number("--drain", "SECONDS", "Time that is left to answers under way when the server is ended.", 30, least: 0);
    private readonly Option<int?> _maxTokens = CommandSyntax.OptionalNumber<int>("--max-tokens", "N", "Most tokens of an answer; otherwise what the context leaves.", 1);
    private readonly Option<int> _maxPrompt = CommandSyntax.Number("--max-prompt", "N", "Most characters of a request's texts.", Usual.MaxPromptLength, least: 1);
    private readonly Option<long?> _maxBody = CommandSyntax.Size("--max-body", "SIZE", "Most bytes of a request, such as 8MB (the default).", 1);

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_keyFile, _origins, _parallel, _queue, _idle, _timeout, _drain, _maxTokens, _maxPrompt, _maxBody];

    /// <summary>How long answers under way may take when the server is ended.</summary>
    public TimeSpan Drain(ParseResult parsed) => TimeSpan.FromSeconds(parsed.GetValue(_drain));

    /// <summary>Options with what they say.</summary>
    public async Task<InferenceOptions> ReadAsync(CommandContext context, ParseResult parsed, InferenceOptions options, CancellationToken cancellationToken) => options with
    {
        Keys = await KeysAsync(context, parsed.GetValue(_keyFile), cancellationToken),
        Origins = parsed.GetValue(_origins) ?? [],
        Parallel = parsed.GetValue(_parallel),
        Queue = parsed.GetValue(_queue),
        Idle = (parsed.GetValue(_idle) ?? Usual.Idle) is { } idle && idle > TimeSpan.Zero ? idle : null,
        Timeout = TimeSpan.FromSeconds(parsed.GetValue(_timeout)),
        MaxTokens = parsed.GetValue(_maxTokens),
        MaxPromptLength = parsed.GetValue(_maxPrompt),
        MaxBodyBytes = parsed.GetValue(_maxBody) ?? Usual.MaxBodyBytes,
    };

    private static async Task<IReadOnlyList<string>> KeysAsync(CommandContext context, string? file, CancellationToken cancellationToken)
    {
        List<string> keys = [];
        if (file is not null)
        {
            keys.AddRange((await context.ReadTextAsync(file, cancellationToken)).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
            if (keys.Count == 0)
            {
                // An empty file must not open the server to everybody.
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no key in '{file}'.", "Write one a line.");
            }
        }
        if (context.Host.Environment(KeyVariable)?.Trim() is { Length: > 0 } key)
        {
            keys.Add(key);
        }
        return keys;
    }
}
