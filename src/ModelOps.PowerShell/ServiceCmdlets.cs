using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that list what this session serves and that still runs.</summary>
/// <typeparam name="T">What is known of one.</typeparam>
public abstract class ServiceListCmdlet<T> : ModelOpsCmdlet
    where T : class
{
    /// <summary>Addresses, with wildcards.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Endpoint { get; set; } = ["*"];

    private protected abstract SessionServices<T> Services { get; }

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        foreach (var service in Services.Find(Endpoint))
        {
            await WriteObjectAsync(service);
        }
    }
}

/// <summary>Base of the cmdlets that end what this session serves.</summary>
/// <typeparam name="T">What is known of one.</typeparam>
public abstract class ServiceEndCmdlet<T> : ModelOpsCmdlet
    where T : class
{
    /// <summary>Process ids, as the cmdlet that lists them writes them.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    public int[] ProcessId { get; set; } = [];

    private protected abstract SessionServices<T> Services { get; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(ProcessId, async id =>
    {
        if (await ShouldProcessAsync($"Stop the {Services.Noun} with the process id {id}", $"Stop the {Services.Noun} with the process id {id}?"))
        {
            await Services.StopAsync(id, cancellationToken);
        }
    });
}
