namespace ModelOps.Fit;

/// <summary>Memory of the GPUs that are sold.</summary>
internal static class GpuSizes
{
    /// <summary>GiB, from the smallest; all but the last few are cards for workstations.</summary>
    public static IReadOnlyList<int> Gibibytes { get; } = [4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 141, 192, 256, 288];

    /// <summary>A machine with one such GPU, free but for a screen as the reference machines' are, instead of those that it has.</summary>
    public static Machine With(Machine machine, int gibibytes)
    {
        var bytes = (long)gibibytes << 30;
        return machine with { Devices = [.. machine.Devices.Where(device => device.Kind == DeviceKind.Cpu), new Device($"GPU with {gibibytes} GB", DeviceKind.Gpu, bytes, bytes - ReferenceMachines.ScreenBytes, null)] };
    }
}
