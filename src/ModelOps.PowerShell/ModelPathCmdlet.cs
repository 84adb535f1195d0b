using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that take models on disk, by path or by the name they are installed under.</summary>
public abstract class ModelPathCmdlet : ModelOpsCmdlet
{
    /// <summary>Name of the parameter set with wildcards.</summary>
    internal const string ByPath = "Path";

    /// <summary>Name of the parameter set that takes paths as they are.</summary>
    internal const string ByLiteralPath = "LiteralPath";

    /// <summary>GGUF files or checkpoint folders, with wildcards; or installed models, org/repo[:variant].</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ByPath)]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>GGUF files or checkpoint folders; no character is a wildcard. Files and records of the other cmdlets bind here.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByLiteralPath)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>Folder of the store that installed models are looked for in; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    /// <summary>Does the work for one model on disk.</summary>
    private protected abstract Task ProcessModelAsync(string path, CancellationToken cancellationToken);

    /// <summary>From what the store takes as a model to its path on disk.</summary>
    private protected virtual string Resolve(ModelStore store, string model) => store.Resolve(model).Path;

    private protected override Task ProcessAsync(CancellationToken cancellationToken)
        => ForEachModelAsync(Path, LiteralPath, model => Resolve(this.OpenStore(Store), model), path => ProcessModelAsync(path, cancellationToken));
}
