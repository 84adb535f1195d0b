namespace ModelOps.Hardware;

/// <summary>What no calibration can say.</summary>
internal static class CalibrationCheck
{
    private const double MostRate = 1e18, MostSeconds = 60;
    private const int MostEntries = 4096;

    /// <summary>What is wrong with a calibration, as the rest of a sentence; null when nothing is.</summary>
    public static string? Fault(SpeedCalibration calibration) => calibration switch
    {
        { SchemaVersion: not SpeedCalibration.CurrentSchemaVersion } => $"its schemaVersion is {calibration.SchemaVersion}, and this version of ModelOps reads {SpeedCalibration.CurrentSchemaVersion}.",
        { Engine: null or "" } => "it names no engine.",
        { Processor: null } => "it names no processor.",
        { Devices: null or [] or { Count: > MostEntries } } => "it has no devices, or too many.",
        _ => calibration.Devices.Select(Fault).FirstOrDefault(fault => fault is not null),
    };

    private static string? Fault(DeviceCalibration? device) => device switch
    {
        null or { Device: null or "" } => "one of its devices has no name.",
        { Threads: < 0 } => $"{device.Device} has {device.Threads} threads.",
        _ when !(device.TokenSeconds is >= 0 and < MostSeconds && device.TensorSeconds is >= 0 and < MostSeconds && IsRate(device.KvBytesPerSecond)) => $"the times of {device.Device} make no sense.",
        { Types: null or [] or { Count: > MostEntries } } => $"{device.Device} has no types, or too many.",
        _ when device.Types.Any(type => type is not { Type.Length: > 0, Points: { Count: > 0 and < MostEntries } }
            || type.Points.Any(point => point is null or { Bytes: <= 0 } || !IsRate(point.BytesPerSecond) || !IsRate(point.PromptOperationsPerSecond))
            || type.Points.Zip(type.Points.Skip(1)).Any(pair => pair.First.Bytes >= pair.Second.Bytes)) => $"the rates of {device.Device} make no sense.",
        _ => null,
    };

    private static bool IsRate(double value) => value is > 0 and < MostRate;
}
