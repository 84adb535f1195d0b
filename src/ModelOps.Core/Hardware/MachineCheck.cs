namespace ModelOps.Hardware;

/// <summary>What no machine can be: figures by which a fit would give a wrong answer instead of none.</summary>
internal static class MachineCheck
{
    private const long MostBytes = 1L << 50;
    private const double MostBandwidth = 1e15;
    private const int MostProcessors = 1 << 16, MostDevices = 256;

    /// <summary>What is wrong with a machine, as the rest of a sentence; null when nothing is.</summary>
    public static string? Fault(Machine machine)
    {
        foreach (var (name, value) in new[] { ("name", machine.Name), ("operatingSystem", machine.OperatingSystem), ("architecture", machine.Architecture), ("processor", machine.Processor) })
        {
            if (value is null)
            {
                return $"its {name} is null.";
            }
        }
        return machine switch
        {
            _ when string.IsNullOrWhiteSpace(machine.Name) => "its name is empty.",
            _ when machine.Name.Any(char.IsControl) => "its name has characters that are no text, such as a line's end.",
            { PhysicalCores: < 1 or > MostProcessors } => $"it has {machine.PhysicalCores} physical cores.",
            { LogicalProcessors: < 1 or > MostProcessors } => $"it has {machine.LogicalProcessors} logical processors.",
            _ when machine.LogicalProcessors < machine.PhysicalCores => $"it has {machine.PhysicalCores} physical cores, but {machine.LogicalProcessors} logical processors.",
            { PerformanceCores: < 0 } => $"it has {machine.PerformanceCores} performance cores.",
            _ when machine.PerformanceCores > machine.PhysicalCores => $"{machine.PerformanceCores} of its {machine.PhysicalCores} physical cores are performance cores.",
            { DiskFreeBytes: < 0 } => $"its disk has {machine.DiskFreeBytes} bytes free.",
            { Devices: null or [] } => "it has no devices.",
            { Devices.Count: > MostDevices } => $"it has {machine.Devices.Count} devices.",
            { Devices: [{ Kind: not DeviceKind.Cpu }, ..] } => "its first device is not the CPU.",
            _ when machine.Devices.Skip(1).Any(device => device?.Kind == DeviceKind.Cpu) => "it has more than one CPU among its devices.",
            { Calibration: { } calibration } when CalibrationCheck.Fault(calibration) is { } fault => $"of its calibration: {fault}",
            _ => machine.Devices.Select(Fault).FirstOrDefault(fault => fault is not null),
        };
    }

    private static string? Fault(Device? device, int index) => device switch
    {
        null => $"device {index} is null.",
        _ when string.IsNullOrWhiteSpace(device.Name) => $"device {index} has no name.",
        _ when device.Name.Any(char.IsControl) => $"the name of device {index} has characters that are no text, such as a line's end.",
        _ when !Enum.IsDefined(device.Kind) => $"{device.Name} is of kind {device.Kind}; there are {string.Join(", ", Enum.GetNames<DeviceKind>())}.",
        { TotalBytes: <= 0 or > MostBytes } => $"{device.Name} has {device.TotalBytes} bytes of memory.",
        { FreeBytes: < 0 } => $"{device.Name} has {device.FreeBytes} bytes free.",
        _ when device.FreeBytes > device.TotalBytes => $"{device.Name} has {device.FreeBytes} bytes free of {device.TotalBytes}.",
        { BandwidthBytesPerSecond: { } rate } when rate is not (> 0 and < MostBandwidth) => $"{device.Name} has a bandwidth of {rate} bytes a second.",
        _ => null,
    };
}
