using ModelOps.Hardware;

namespace ModelOps.Fit;

/// <summary>What a model's parts cost on one device in seconds, and how far that may be off.</summary>
/// <param name="PerByte">For each byte of weights that a token reads.</param>
/// <param name="PerKvByte">For each byte of keys, values and state.</param>
/// <param name="PerLayer">For each layer.</param>
/// <param name="PerExpertLayer">For each layer of experts.</param>
/// <param name="PerTensor">For each tensor.</param>
/// <param name="PerToken">Once.</param>
/// <param name="PerPromptWeight">For each weight and token of a prompt; null when it is not known.</param>
/// <param name="CountsHeads">Whether keys and values cost as often as query heads read them, and a benchmark's are counted.</param>
/// <param name="Spread">How much slower or faster it may be, 0.1 for a tenth.</param>
/// <param name="PromptSpread">The same for prompts.</param>
internal sealed record DevicePace(
    double PerByte, double PerKvByte, double PerLayer, double PerExpertLayer, double PerTensor, double PerToken, double? PerPromptWeight, bool CountsHeads, double Spread, double PromptSpread)
{
    // A processor often cannot unpack quantized weights as fast as memory delivers them: 0.35 to 0.95 of the bandwidth were seen, and 10 to 60 µs a layer.
    private const double CpuShare = 0.58, CpuSpread = 0.65, CpuLayerSeconds = 25e-6;
    // Operations a second of one core: some 30 billion with AVX2 or NEON, 200 with 8-bit dot products of 512 bits.
    private const double CoreOperations = 75e9, CoreSpread = 1.6;

    /// <summary>The pace of a device: calibrated, else by its family; null when its bandwidth is not known.</summary>
    /// <param name="device">The device.</param>
    /// <param name="machine">Its machine.</param>
    /// <param name="model">The model.</param>
    /// <param name="activeBytes">Bytes of weights that a token reads on this device.</param>
    public static DevicePace? Of(Device device, Machine machine, ModelShape model, long activeBytes)
    {
        if (machine.Calibration is { } calibration && CalibratedPace.Of(calibration, device, machine, model, activeBytes) is { } calibrated)
        {
            return calibrated;
        }
        if (device.Kind == DeviceKind.Cpu)
        {
            var threads = ThreadCount.For(model.WeightsBytes, machine.PhysicalCores);
            return device.BandwidthBytesPerSecond is not { } memory ? null : new DevicePace(
                1 / (CpuShare * memory), 1 / (CpuShare * memory), CpuLayerSeconds, 2 * CpuLayerSeconds, 0, 0, 2 / (CoreOperations * threads), false, CpuSpread, CoreSpread);
        }
        var card = device.Card;
        if ((device.BandwidthBytesPerSecond ?? card?.Bandwidth) is not { } bandwidth)
        {
            return null;
        }
        var family = SpeedFamily.Of(device.Family, card);
        var perByte = 1 / (family.Share * bandwidth);
        return new DevicePace(
            perByte, perByte, family.SecondsOf(hasExperts: false), family.SecondsOf(hasExperts: true), 0, 0,
            family.OperationsPerByte is { } operations ? 2 / (operations * bandwidth) : null, false, family.Spread, family.OperationsSpread);
    }
}
