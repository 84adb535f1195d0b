using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Uninstall-ModelRuntime: removes a build of the engine that was added.</summary>
[Cmdlet(VerbsLifecycle.Uninstall, "ModelRuntime", SupportsShouldProcess = true)]
[OutputType(typeof(ModelRuntime))]
public sealed class UninstallModelRuntimeCommand : RuntimeCmdlet
{
    private protected override async Task ProcessAsync(string name, CancellationToken cancellationToken)
    {
        var backend = ModelRuntimes.ParseOne(name);
        var runtimes = new ModelRuntimes();
        if (await ShouldProcessAsync($"Remove the runtime {backend} from {runtimes.Plan(backend).Directory}. The worker of this session ends.", $"Remove the runtime {backend}?"))
        {
            // On Windows libraries that are loaded cannot be removed.
            await SessionRunner.CloseAsync(cancellationToken);
            await WriteObjectAsync(runtimes.Remove(backend));
        }
    }
}
