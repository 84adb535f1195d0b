namespace ModelOps.Fit;

/// <summary>What a model takes on every device with a number of layers on GPUs.</summary>
/// <param name="GpuLayers">Layers on GPUs, the output among them.</param>
/// <param name="CpuExpertLayers">Layers, from the first, whose experts the CPU keeps.</param>
/// <param name="Placement">Device of each layer and of the output: -1 the CPU, else the place among the GPUs.</param>
/// <param name="Weights">Weights by device.</param>
/// <param name="Needs">Of the CPU, then of the GPUs.</param>
internal sealed record Footprint(int GpuLayers, int CpuExpertLayers, int[] Placement, WeightPlacement Weights, IReadOnlyList<DeviceNeeds> Needs)
{
    /// <summary>What is needed, summed up: the CPU, then the GPUs.</summary>
    public IReadOnlyList<DeviceFit> Devices { get; } = [.. Needs.Select(needs => needs.ToFit())];

    /// <summary>Bytes that are wanting, over all devices; 0 when it fits.</summary>
    public long MissingBytes => Missing(pageable: 0);

    /// <summary>The same when the CPU's weights may be mapped from the file, and so be read again whenever memory is short.</summary>
    public long MissingBytesWithoutCpuWeights => Missing(Weights.Devices[0].Bytes);

    public bool Fits => MissingBytes <= 0;

    /// <summary>Whether every GPU has room, whatever the main memory has.</summary>
    public bool GpusHaveRoom
    {
        get
        {
            for (var device = 1; device < Devices.Count; device++)
            {
                if (Devices[device].TotalBytes > Devices[device].FreeBytes)
                {
                    return false;
                }
            }
            return true;
        }
    }

    /// <summary>What the GPUs have free beside what lies on them for good, together: no placement puts more than that on them in addition.</summary>
    public long GpuRoomBytes
    {
        get
        {
            long room = 0;
            for (var device = 1; device < Devices.Count; device++)
            {
                room += Devices[device].FreeBytes - Devices[device].WeightsBytes - Devices[device].KvCacheBytes - Devices[device].StateBytes;
            }
            return room;
        }
    }

    private long Missing(long pageable)
    {
        var missing = Devices.Sum(device => Math.Max(0, device.TotalBytes - device.FreeBytes - (device.Kind == DeviceKind.Cpu ? pageable : 0)));
        // Integrated GPUs take their memory out of the CPU's.
        var shared = Devices.Where(device => device.Kind != DeviceKind.Gpu).Sum(device => device.TotalBytes) - pageable;
        return Math.Max(missing, shared - Devices[0].FreeBytes);
    }
}
