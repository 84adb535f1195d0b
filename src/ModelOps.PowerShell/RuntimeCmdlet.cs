using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that do something to one runtime: which.</summary>
public abstract class RuntimeCmdlet : ModelOpsCmdlet
{
    /// <summary>Runtime, by its name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Backend")]
    [ArgumentCompleter(typeof(RuntimeCompleter))]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    private protected sealed override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync([Name], name => ProcessAsync(name, cancellationToken));

    /// <summary>Work for the runtime of a name.</summary>
    private protected abstract Task ProcessAsync(string name, CancellationToken cancellationToken);
}
