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

    /// <summary>Bytes that are wanting where the devices are asked for these totals.</summary>
    public long Missing(IReadOnlyList<long> totals)
    {
        long missing = 0, shared = 0;
        for (var index = 0; index < totals.Count; index++)
        {
            missing += Math.Max(0, totals[index] - Devices[index].FreeBytes);
            // Integrated GPUs take their memory out of the CPU's.
            shared += Devices[index].Kind != DeviceKind.Gpu ? totals[index] : 0;
        }
        return Math.Max(missing, shared - Devices[0].FreeBytes);
    }

    private long Missing(long pageable) => Missing([Devices[0].TotalBytes - pageable, .. Devices.Skip(1).Select(device => device.TotalBytes)]);
}
