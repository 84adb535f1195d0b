using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Test-ModelFit's parameters that say what is loaded beside the model.</summary>
public sealed partial class TestModelFitCommand
{
    // Found once, whatever the number of models; the projector that belongs to a model is that model's.
    private IReadOnlyList<AdapterShape>? _adapters;

    /// <summary>A vision projector (mmproj) to count too: a file, a file of the model's repository, or Auto for the one that belongs to the model.</summary>
    [Parameter]
    [Alias("Mmproj")]
    [ValidateNotNullOrEmpty]
    public string? Projector { get; set; }

    /// <summary>LoRA adapters to count too: GGUF files, or org/repo[:variant] of the hub.</summary>
    [Parameter]
    [Alias("Lora")]
    [ValidateNotNullOrEmpty]
    public string[] Adapter { get; set; } = [];

    private async Task<FitRequest> WithCompanionsAsync(ResolvedModel? local, RemoteShape? remote, CancellationToken cancellationToken)
    {
        if (Projector is null && Adapter.Length == 0)
        {
            return Request;
        }
        var named = Adapter.Append(Projector).OfType<string>();
        var paths = await OnPipelineAsync(() => named.Distinct().ToDictionary(name => name, this.PathOrName, StringComparer.Ordinal));
        var finder = new CompanionFinder(() => Hub, name => paths.GetValueOrDefault(name, name));
        if (_adapters is null)
        {
            var adapters = new List<AdapterShape>();
            foreach (var adapter in Adapter)
            {
                adapters.Add(await finder.FindAdapterAsync(adapter, cancellationToken));
            }
            _adapters = adapters;
        }
        return Request with
        {
            Adapters = _adapters,
            Projector = Projector is null ? null : await finder.FindProjectorAsync(Projector, local?.Path, remote, cancellationToken),
        };
    }
}
