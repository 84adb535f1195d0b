using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that run models: how the engine computes, and where installed models are.</summary>
public abstract class EngineCmdlet : ModelOpsCmdlet
{
    /// <summary>Layers on GPUs; -1 all, 0 none.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int? GpuLayers { get; set; }

    /// <summary>Threads; 0 means one a physical core.</summary>
    [Parameter]
    [ValidateRange(0, 512)]
    public int Threads { get; set; }

    /// <summary>Folder of the store that installed models are looked for in; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }
}
