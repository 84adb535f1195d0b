using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that talk to a hub.</summary>
public abstract class HubCmdlet : ModelOpsCmdlet
{
    private static readonly TimeSpan LongSilence = TimeSpan.FromSeconds(4);

    private HubClient? _hub;

    /// <summary>Address of the hub; HF_ENDPOINT, else the Hugging Face hub.</summary>
    [Parameter]
    [ValidateNotNull]
    public Uri? Endpoint { get; set; }

    private protected HubClient Hub => _hub ??= Sources.OpenHub(Endpoint, Tell);

    // A retry after a moment is for those who ask; nobody should sit in front of a prompt that is silent for longer.
    private void Tell(HubNotice notice)
    {
        if (notice.Kind == HubNoticeKind.Retry && notice.Wait < LongSilence)
        {
            PostVerbose(notice.Message);
            return;
        }
        PostWarning(notice.Message);
    }

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
