using System.Globalization;

namespace ModelOps.Fit;

/// <summary>What a speed rests on, in words.</summary>
internal static class SpeedSentence
{
    /// <summary>What every device reads for a token, how fast, and by whose word; null where no speed is known.</summary>
    public static string? Of(ModelShape model, Machine machine, Footprint footprint)
    {
        var pieces = new List<string>();
        for (var place = 0; place < footprint.Needs.Count; place++)
        {
            var (device, active) = (footprint.Needs[place].Device, footprint.Weights.Devices[place].Active);
            if (active == 0)
            {
                continue;
            }
            if (DevicePace.Of(device, machine, model, active) is not { PerByte: > 0 } pace)
            {
                return null;
            }
            pieces.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{Text.Bytes(active)} on {device.Name} at {1e-9 / pace.PerByte:0.#} GB/s, {Source(device, machine)}, within {100 * pace.Spread:0} %"));
        }
        return pieces.Count == 0 ? null : $"A token reads {string.Join("; ", pieces)}.";
    }

    private static string Source(Device device, Machine machine) => machine.Calibration is { } calibration && calibration.Devices.Any(measured => measured.Device == device.Name)
        ? $"measured by modelops bench on {calibration.MeasuredAt.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}"
        : device.Kind == DeviceKind.Cpu ? "a share of the memory's bandwidth" : "the share of the bandwidth that its family reaches";
}
