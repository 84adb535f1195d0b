using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Uninstall-ModelRuntime: removes a build of the engine that was added.</summary>
[Cmdlet(VerbsLifecycle.Uninstall, "ModelRuntime", SupportsShouldProcess = true)]
[OutputType(typeof(ModelRuntime))]
public sealed class UninstallModelRuntimeCommand : ModelOpsCmdlet
{
    /// <summary>Runtime to remove.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Backend")]
    [ArgumentCompleter(typeof(RuntimeCompleter))]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync([Name], async name =>
    {
        var backend = ModelRuntimes.Parse(name) ?? throw new ModelOpsException(ErrorKind.InvalidArgument, "Auto is a way to choose among runtimes, not one of them.", "See what there is: modelops runtime list");
        var runtimes = new ModelRuntimes();
        if (await ShouldProcessAsync($"Remove the runtime {backend} from {runtimes.Plan(backend).Directory}. The worker of this session ends.", $"Remove the runtime {backend}?"))
        {
            // On Windows libraries that are loaded cannot be removed.
            await SessionRunner.CloseAsync();
            await WriteObjectAsync(runtimes.Remove(backend));
        }
    });
}
