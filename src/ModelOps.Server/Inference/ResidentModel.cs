namespace ModelOps.Server.Inference;

/// <summary>A model that is offered, and what runs it while it is loaded.</summary>
internal sealed class ResidentModel(OfferedModel offered, FairQueue queue)
{
    /// <summary>Its name and file.</summary>
    public OfferedModel Offered => offered;

    /// <summary>Turns at it. Only who has one may use what runs it, so that nobody unloads it meanwhile.</summary>
    public FairQueue Queue => queue;

    /// <summary>What runs it; null while it is not loaded.</summary>
    public IModelRunner? Runner { get; set; }

    /// <summary>How it was placed.</summary>
    public EnginePlan? Plan { get; set; }

    /// <summary>The load under way, which all who wait for it share.</summary>
    public Task<IModelRunner>? Loading { get; set; }

    /// <summary>Timestamp of the last turn's end.</summary>
    public long LastUsed { get; set; }

    /// <summary>Bytes of main memory that its process holds; null where nobody knows.</summary>
    public long? MemoryBytes
    {
        get
        {
            if (Runner is not WorkerRunner { WorkerId: { } id })
                return null;
            try
            {
                using var process = System.Diagnostics.Process.GetProcessById(id);
                return process.WorkingSet64;
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                // It ended a moment ago.
                return null;
            }
        }
    }
}
