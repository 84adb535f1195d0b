using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that talk to a hub.</summary>
public abstract class HubCmdlet : ModelOpsCmdlet
{
    private HubClient? _hub;

    /// <summary>Address of the hub; HF_ENDPOINT, else the Hugging Face hub.</summary>
    [Parameter]
    [ValidateNotNull]
    public Uri? Endpoint { get; set; }

    private protected HubClient Hub => _hub ??= Sources.OpenHub(Endpoint, PostNotice);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hub?.Dispose();
        }
        base.Dispose(disposing);
    }
}
