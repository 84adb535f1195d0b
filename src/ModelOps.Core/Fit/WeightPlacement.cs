namespace ModelOps.Fit;

/// <summary>Weights on one device.</summary>
internal sealed class DeviceWeights
{
    /// <summary>Of layers placed here.</summary>
    public long Layers { get; set; }
    /// <summary>Experts of layers placed elsewhere.</summary>
    public long Experts { get; set; }
    /// <summary>Token embedding and other input tensors.</summary>
    public long Input { get; set; }
    /// <summary>Output tensors, a tied embedding's second copy among them.</summary>
    public long Output { get; set; }
    /// <summary>LoRA adapters.</summary>
    public long Adapters { get; set; }
    /// <summary>What of all this is read to generate one token.</summary>
    public long Active { get; set; }

    public long Bytes => checked(Layers + Experts + Input + Output + Adapters);
}

/// <summary>Where the weights lie.</summary>
/// <param name="Devices">The CPU, then the GPUs.</param>
/// <param name="LargestOnCpu">The largest weight of a layer that the CPU holds; 0 when it holds none.</param>
internal sealed record WeightPlacement(IReadOnlyList<DeviceWeights> Devices, long LargestOnCpu);
