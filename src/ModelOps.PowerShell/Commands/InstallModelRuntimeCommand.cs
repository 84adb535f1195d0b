using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Install-ModelRuntime: adds a build of the engine, fetched with npm or read from a file.</summary>
[Cmdlet(VerbsLifecycle.Install, "ModelRuntime", SupportsShouldProcess = true)]
[OutputType(typeof(ModelRuntime))]
public sealed class InstallModelRuntimeCommand : ModelOpsCmdlet
{
    /// <summary>Runtime to add.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Backend")]
    [ArgumentCompleter(typeof(RuntimeCompleter))]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    /// <summary>Archive (.tgz) of its package, instead of asking npm for it; a runtime of two packages takes two.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync([Name], async name =>
    {
        var backend = ModelRuntimes.Parse(name) ?? throw new ModelOpsException(ErrorKind.InvalidArgument, "Auto is a way to choose among runtimes, not one of them.", "See what there is: modelops runtime list");
        var runtimes = new ModelRuntimes();
        var files = await OnPipelineAsync(() => LiteralPath.Select(path => this.ToFileSystemPath(path)).ToList());
        var plan = runtimes.Plan(backend);
        var packages = string.Join(", ", plan.Packages.Select(package => $"{package.Name} {package.Version} ({package.Integrity})"));
        if (await ShouldProcessAsync($"Add the runtime {backend} to {plan.Directory}: {packages}", $"Add the runtime {backend}: {packages}?"))
        {
            using var progress = StartProgress<string>($"Adding the runtime {backend}", step => new ProgressStep(step, null));
            await WriteObjectAsync(await runtimes.AddAsync(backend, files, progress, cancellationToken));
        }
    });
}
