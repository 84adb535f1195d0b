namespace ModelOps.Fit;

/// <summary>What a model takes on every device with a number of layers on GPUs.</summary>
/// <param name="GpuLayers">Layers on GPUs, the output among them.</param>
/// <param name="Placement">Device of each layer and of the output: -1 the CPU, else the place among the GPUs.</param>
/// <param name="Needs">Of the CPU, then of the GPUs.</param>
internal sealed record Footprint(int GpuLayers, int[] Placement, IReadOnlyList<DeviceNeeds> Needs)
{
    /// <summary>What is needed, summed up: the CPU, then the GPUs.</summary>
    public IReadOnlyList<DeviceFit> Devices { get; } = [.. Needs.Select(needs => needs.ToFit())];

    /// <summary>Bytes that are wanting, over all devices; 0 when it fits.</summary>
    public long MissingBytes
    {
        get
        {
            var missing = Devices.Sum(device => Math.Max(0, device.TotalBytes - device.FreeBytes));
            // Integrated GPUs take their memory out of the CPU's.
            var shared = Devices.Where(device => device.Kind != DeviceKind.Gpu).Sum(device => device.TotalBytes);
            return Math.Max(missing, shared - Devices[0].FreeBytes);
        }
    }

    public bool Fits => MissingBytes <= 0;
}
