using System.Diagnostics;
using System.Text.Json;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Demo;

/// <summary>
/// Where the demo plays: it shows a command as a user would type it and runs that very command line, with a hub, a store and a folder of its own in the
/// environment.
/// </summary>
internal sealed class DemoStage(CliHost audience, bool silent, string folder, Uri endpoint)
{
    private readonly Report _report = new(silent ? audience with { Out = TextWriter.Null } : audience);

    public List<DemoStep> Steps { get; } = [];

    /// <summary>Opens a chapter.</summary>
    public void Chapter(string title) => _report.Rule(title);

    /// <summary>Runs a command line and returns what it wrote. Errors go through.</summary>
    public async Task<T> RunAsync<T>(string[] args, CancellationToken cancellationToken)
    {
        var command = "modelops " + string.Join(' ', args.Select(Quote));
        _report.Title($"$ {command}");
        if (silent)
        {
            audience.Error.WriteLine($"$ {command}");
        }
        await audience.Out.FlushAsync(cancellationToken);
        object? written = null;
        var host = audience with
        {
            Out = silent ? TextWriter.Null : audience.Out,
            Error = silent ? TextWriter.Null : audience.Error,
            ErrorIsTerminal = !silent && audience.ErrorIsTerminal,
            OpenInput = null,
            WorkingDirectory = folder,
            Environment = Environment,
            Observe = value => written = value,
        };
        var clock = Stopwatch.StartNew();
        var code = await CommandLine.RunAsync(args, host, cancellationToken);
        var result = (T)(written ?? throw new InvalidOperationException($"'{command}' wrote no result."));
        Steps.Add(new DemoStep(command, code, clock.Elapsed.TotalSeconds, JsonSerializer.SerializeToNode(result, CliJson.Default.GetTypeInfo(typeof(T))!)!));
        _report.Line();
        return result;
    }

    /// <summary>The user's hub, token and offline mode are none of the demo's business.</summary>
    private string? Environment(string name) => name switch
    {
        "HF_ENDPOINT" => endpoint.AbsoluteUri.TrimEnd('/'),
        "HF_HUB_CACHE" => Path.Combine(folder, "hub"),
        "HF_HOME" => folder,
        "HF_TOKEN" or "HUGGING_FACE_HUB_TOKEN" or "HF_TOKEN_PATH" or "HF_HUB_OFFLINE" or "TRANSFORMERS_OFFLINE" => null,
        _ => audience.Environment(name),
    };

    private static string Quote(string argument) => argument.Contains(' ') ? $"\"{argument}\"" : argument;
}
