using System.Globalization;
using System.Management.Automation;
using System.Net;
using System.Security;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Start-ModelServer: answers in OpenAI's protocol, from a process of its own.</summary>
[Cmdlet(VerbsLifecycle.Start, "ModelServer", SupportsShouldProcess = true)]
[OutputType(typeof(ModelServer))]
public sealed class StartModelServerCommand : EngineCmdlet
{
    /// <summary>GGUF files or installed models; all that are installed when none is named.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "FullName", "PSPath")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Model { get; set; } = [];

    /// <summary>Address to listen on.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Url { get; set; } = "http://127.0.0.1:8000";

    /// <summary>Key that clients must carry.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? ApiKey { get; set; }

    /// <summary>Origins of web pages that may ask.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Cors { get; set; } = [];

    /// <summary>Context in tokens, of all requests at once; 0 means the smaller of 4096 and what a model was trained for, Max the largest that fits.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    public ContextWish ContextLength { get; set; }

    /// <summary>Requests that a model answers at once.</summary>
    [Parameter]
    [ValidateRange(1, 256)]
    public int Parallel { get; set; } = 4;

    /// <summary>Requests that may wait for a model.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int Queue { get; set; } = 64;

    /// <summary>Unloads a model that nobody asked for this long: 30s, 10m, 2h; 0 keeps it.</summary>
    [Parameter]
    [DurationTransformation]
    public TimeSpan Idle { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Time that a request may take, waiting included: 30s, 10m, 2h.</summary>
    [Parameter]
    [DurationTransformation]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Most tokens of an answer.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? MaxTokens { get; set; }

    /// <summary>Writes the server.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private readonly List<string> _models = [];

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Model, async model =>
        // The child starts in the folder of this process, which is not the session's.
        _models.Add(await OnPipelineAsync(() => Whole(model))));

    private protected override async Task EndAsync(CancellationToken cancellationToken)
    {
        if (Model.Length > 0 && _models.Count == 0)
        {
            return;
        }
        var store = await OnPipelineAsync(() => this.OpenStore(Store).Options.Directory);
        var command = CliCommand.Find();
        var arguments = Arguments(store);
        var plan = $"Serve {(_models.Count > 0 ? string.Join(", ", _models) : $"the models of {store}")} at {Url}, {(ApiKey is null ? "to every program of this machine" : "to those with the key")}";
        if (!await ShouldProcessAsync(plan, plan + "?"))
        {
            return;
        }
        var key = ApiKey is null ? null : new NetworkCredential("", ApiKey).Password;
        var server = await StartedServices.Servers.StartAsync(command, arguments, key, cancellationToken);
        PostVerbose($"{server.Endpoint}v1 is the base URL for OpenAI's clients; process {server.ProcessId}.");
        if (PassThru)
        {
            await WriteObjectAsync(server);
        }
    }

    // NAME=MODEL, unless that is a file's own name.
    private string Whole(string model)
    {
        var at = model.IndexOf('=');
        return at > 0 && !System.IO.Path.Exists(this.PathOrName(model)) ? model[..(at + 1)] + this.PathOrName(model[(at + 1)..]) : this.PathOrName(model);
    }

    private List<string> Arguments(string store)
    {
        List<string> arguments =
        [
            "--store", store, "--url", Url, "--context", ContextLength.ToString(), "--parallel", Text(Parallel), "--queue", Text(Queue), "--idle", $"{Text(Seconds(nameof(Idle), Idle, least: 0))}s",
            "--timeout", Text(Seconds(nameof(Timeout), Timeout, least: 1)), "--threads", Text(Threads),
        ];
        if (GpuLayers is { } layers)
        {
            arguments.AddRange(["--gpu-layers", layers < 0 ? "all" : Text(layers)]);
        }
        if (MaxTokens is { } tokens)
        {
            arguments.AddRange(["--max-tokens", Text(tokens)]);
        }
        foreach (var origin in Cors)
        {
            arguments.AddRange(["--cors", origin]);
        }
        return [.. arguments, "--", .. _models];
    }

    private static int Seconds(string parameter, TimeSpan time, int least) => time.Ticks % TimeSpan.TicksPerSecond == 0 && time.TotalSeconds >= least
        ? (int)time.TotalSeconds
        : throw new ModelOpsException(ErrorKind.InvalidArgument, $"-{parameter} is a whole number of seconds, at least {least}, not {time}.", "Give for instance 90s or 10m.");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
