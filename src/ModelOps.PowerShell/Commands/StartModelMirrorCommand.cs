using System.Management.Automation;
using System.Net;
using System.Security;

namespace ModelOps.PowerShell.Commands;

/// <summary>Start-ModelMirror: serves a store in the hub's protocol, from a process of its own.</summary>
[Cmdlet(VerbsLifecycle.Start, "ModelMirror", SupportsShouldProcess = true)]
[OutputType(typeof(ModelMirror))]
public sealed class StartModelMirrorCommand : ModelOpsCmdlet
{
    /// <summary>Folder of the store; the hub cache when left out.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    /// <summary>Address to listen on.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Url { get; set; } = "http://127.0.0.1:8080";

    /// <summary>Hub that is asked for what the store lacks.</summary>
    [Parameter]
    [ValidateNotNull]
    public Uri? Upstream { get; set; }

    /// <summary>Token that clients must carry.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? Token { get; set; }

    /// <summary>Writes the mirror.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        var store = await OnPipelineAsync(() => this.OpenStore(Store).Options.Directory);
        var command = CliCommand.Find();
        var plan = $"Serve {store} at {Url}, {(Upstream is null ? "without upstream" : $"fetching from {Upstream} what it lacks")}, {(Token is null ? "to everybody who reaches it" : "to those with the token")}";
        if (!await ShouldProcessAsync(plan, plan + "?"))
        {
            return;
        }
        List<string> arguments = ["--store", store, "--url", Url];
        if (Upstream is not null)
        {
            arguments.AddRange(["--upstream", Upstream.OriginalString]);
        }
        var token = Token is null ? null : new NetworkCredential("", Token).Password;
        var mirror = await StartedServices.Mirrors.StartAsync(command, arguments, token, cancellationToken);
        PostVerbose($"HF_ENDPOINT={mirror.Endpoint} serves {mirror.Store} from process {mirror.ProcessId}.");
        if (PassThru)
        {
            await WriteObjectAsync(mirror);
        }
    }
}
