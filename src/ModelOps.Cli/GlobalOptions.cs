using System.CommandLine;
using System.CommandLine.Parsing;

namespace ModelOps.Cli;

/// <summary>How results are written.</summary>
internal enum OutputFormat
{
    /// <summary>For people.</summary>
    Text,
    /// <summary>For programs: one JSON object on standard output.</summary>
    Json,
}

/// <summary>The options that every command takes.</summary>
internal static class GlobalOptions
{
    public static readonly Option<OutputFormat> Format = new("--format")
    {
        Description = "Write results as text for people, or as one JSON object on standard output for programs.",
        HelpName = "text|json",
        Recursive = true,
        CustomParser = result => result.Tokens[^1].Value.ToLowerInvariant() switch
        {
            "text" => OutputFormat.Text,
            "json" => OutputFormat.Json,
            _ => Refuse<OutputFormat>(result, "--format is text or json."),
        },
    };

    public static readonly Option<Uri?> Endpoint = new("--endpoint")
    {
        Description = "Address of the hub, where a command asks one; otherwise HF_ENDPOINT, else https://huggingface.co.",
        HelpName = "URL",
        Recursive = true,
        CustomParser = result => Uri.TryCreate(result.Tokens[^1].Value, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : Refuse<Uri?>(result, $"'{result.Tokens[^1].Value}' is not an http address."),
    };

    public static readonly Option<string?> Store = new("--store")
    {
        Description = "Folder of the model store, a hub cache; otherwise HF_HUB_CACHE, else $HF_HOME/hub.",
        HelpName = "DIR",
        Recursive = true,
        // An empty variable in a script would otherwise mean the current folder.
        CustomParser = result => result.Tokens[^1].Value is { Length: > 0 } folder ? folder : Refuse<string?>(result, "--store is a folder, not ''."),
    };

    public static readonly Option<string?> Runtime = new("--runtime")
    {
        Description = $"What models run on: {string.Join(", ", ModelRuntimes.Names)}; otherwise {ModelRuntimes.Variable}, else what 'runtime use' chose.",
        HelpName = "NAME",
        Recursive = true,
        CustomParser = result => ModelRuntimes.Names.Contains(result.Tokens[^1].Value, StringComparer.OrdinalIgnoreCase)
            ? result.Tokens[^1].Value
            : Refuse<string?>(result, $"--runtime is one of {string.Join(", ", ModelRuntimes.Names)}, not '{result.Tokens[^1].Value}'."),
    };

    public static readonly Option<bool> Verbose = new("--verbose")
    {
        Description = "Say more about an error.",
        Recursive = true,
    };

    private static T? Refuse<T>(ArgumentResult result, string message)
    {
        result.AddError(message);
        return default;
    }
}
