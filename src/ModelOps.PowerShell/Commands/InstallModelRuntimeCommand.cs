using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Install-ModelRuntime: adds a build of the engine, fetched with npm or read from a file.</summary>
[Cmdlet(VerbsLifecycle.Install, "ModelRuntime", SupportsShouldProcess = true)]
[OutputType(typeof(ModelRuntime))]
public sealed class InstallModelRuntimeCommand : RuntimeCmdlet
{
    /// <summary>Archive (.tgz) of its package, instead of asking npm for it; a runtime of two packages takes two.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    private protected override async Task ProcessAsync(string name, CancellationToken cancellationToken)
    {
        var backend = ModelRuntimes.ParseOne(name);
        var runtimes = new ModelRuntimes();
        var files = await OnPipelineAsync(() => LiteralPath.Select(path => this.ToFileSystemPath(path)).ToList());
        var plan = runtimes.Plan(backend);
        var packages = string.Join(", ", plan.Packages.Select(package => $"{package.Name} {package.Version} ({package.Integrity})"));
        if (await ShouldProcessAsync($"Add the runtime {backend} to {plan.Directory}: {packages}", $"Add the runtime {backend}: {packages}?"))
        {
            using var progress = StartProgress<string>($"Adding the runtime {backend}", step => new ProgressStep(step, null));
            await WriteObjectAsync(await runtimes.AddAsync(backend, files, progress, cancellationToken));
        }
    }
}
