using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps.Hardware;

/// <summary>Calibrations in the user's cache, a small file for each machine, its devices and engine: a home folder may be shared by several.</summary>
internal sealed class CalibrationStore(string folder)
{
    // A calibration takes some 10 KB.
    private const long MostBytes = 4 << 20;

    /// <summary>Where the calibration of a machine with an engine lies, or would.</summary>
    public string PathOf(Machine machine, string engine)
    {
        var key = string.Join('\n', [engine, machine.Architecture, machine.Processor, machine.PhysicalCores.ToString(System.Globalization.CultureInfo.InvariantCulture), .. machine.Devices.Select(device => device.Name)]);
        return Path.Combine(folder, $"speed-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)).AsSpan(0, 8))}.json");
    }

    /// <summary>The machine with its calibration when there is one; <paramref name="note"/> hears of one that cannot be used.</summary>
    public Machine Attach(Machine machine, string engine, Action<string>? note)
    {
        var path = PathOf(machine, engine);
        try
        {
            if (!File.Exists(path))
            {
                return machine;
            }
            var calibration = new FileInfo(path).Length > MostBytes ? null : JsonSerializer.Deserialize(File.ReadAllBytes(path), CalibrationJson.Default.SpeedCalibration);
            var fault = calibration is null ? "it holds none." : CalibrationCheck.Fault(calibration) ?? (calibration.Engine != engine ? $"it is of {calibration.Engine}." : null);
            if (fault is null)
            {
                return machine with { Calibration = calibration };
            }
            note?.Invoke($"The calibration '{path}' is not used: {fault} Make a new one with modelops bench --calibrate, or Measure-Model -Calibrate.");
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException or IOException or UnauthorizedAccessException)
        {
            note?.Invoke($"The calibration '{path}' cannot be read: {exception.Message} Make a new one with modelops bench --calibrate, or Measure-Model -Calibrate.");
        }
        return machine;
    }

    /// <summary>Writes a machine's calibration in place of an older one; the file's path.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.StoreNotWritable"/>.</exception>
    public string Save(Machine machine, SpeedCalibration calibration)
    {
        var path = PathOf(machine, calibration.Engine);
        try
        {
            Directory.CreateDirectory(folder);
            var partial = $"{path}.{Environment.ProcessId}.tmp";
            File.WriteAllBytes(partial, JsonSerializer.SerializeToUtf8Bytes(calibration, CalibrationJson.Default.SpeedCalibration));
            File.Move(partial, path, overwrite: true);
            return path;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.StoreNotWritable, $"The calibration could not be kept at '{path}': {exception.Message}", "Set XDG_CACHE_HOME to a folder that you may write to.", exception);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, PropertyNameCaseInsensitive = true, WriteIndented = true)]
[JsonSerializable(typeof(SpeedCalibration))]
internal sealed partial class CalibrationJson : JsonSerializerContext;
