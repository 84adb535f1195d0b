using ModelOps.Hardware;

namespace ModelOps.Fit;

/// <summary>The pace of a device as a calibration found it.</summary>
internal static class CalibratedPace
{
    // What calibrated machines were off by, and some more (docs/benchmarks.md): within a tenth when nobody disturbed them; and what a type costs that was not among those measured.
    private const double Spread = 0.15, OtherTypeSpread = 0.30;

    // Prompts of models of a few MB are mostly attention and small operations, which the calibration's models have in another measure: up to 55 % were seen, 17 % of large ones.
    private const double PromptSpread = 0.25, SmallPromptSpread = 0.60;
    private const long SmallBytes = 40L << 20;

    /// <summary>Null when the calibration does not know the device.</summary>
    public static DevicePace? Of(SpeedCalibration calibration, Device device, Machine machine, ModelShape model, long activeBytes)
    {
        var threads = device.Kind == DeviceKind.Cpu ? ThreadCount.For(model.WeightsBytes, machine.PhysicalCores) : 0;
        // With a number of threads between those measured, the nearer one's.
        var own = calibration.Devices.Where(candidate => candidate.Device == device.Name && (candidate.Threads == 0) == (threads == 0)).MinBy(candidate => Math.Abs(candidate.Threads - threads));
        // Types that this version does not know are passed over.
        var curves = (own?.Types ?? []).Select(curve => (Curve: curve, IsKnown: Enum.TryParse<GgmlType>(curve.Type, out var type) && Enum.IsDefined(type), Type: type))
            .Where(curve => curve.IsKnown).Select(curve => (curve.Curve, curve.Type)).ToList();
        if (own is null || curves.Count == 0 || model.ActiveTypes.Count == 0)
        {
            return null;
        }
        double bytes = 0, seconds = 0, weights = 0, promptSeconds = 0;
        var known = true;
        foreach (var (type, typeBytes) in model.ActiveTypes)
        {
            var (curve, like) = Curve(curves, type);
            var isSame = like == type;
            var typeWeights = Weights(type, typeBytes);
            // A type that was not measured is taken to cost as much a weight as its like: unpacking is what takes the time.
            var likeBytes = isSame ? typeBytes : typeWeights / like.BlockLength() * like.BlockBytes();
            bytes += typeBytes;
            weights += typeWeights;
            seconds += likeBytes / At(curve, activeBytes, point => point.BytesPerSecond);
            promptSeconds += 2 * typeWeights / At(curve, activeBytes, point => point.PromptOperationsPerSecond);
            known &= isSame || typeBytes < model.ActiveBytes / 10;
        }
        return new DevicePace(
            seconds / Math.Max(1, bytes), 1 / own.KvBytesPerSecond, 0, 0, own.TensorSeconds, own.TokenSeconds, promptSeconds / Math.Max(1, weights), true, known ? Spread : OtherTypeSpread, activeBytes < SmallBytes ? SmallPromptSpread : PromptSpread);
    }

    private static double Weights(GgmlType type, double bytes) => bytes / type.BlockBytes() * type.BlockLength();

    private static (TypeCalibration Curve, GgmlType Type) Curve(IReadOnlyList<(TypeCalibration Curve, GgmlType Type)> curves, GgmlType type)
    {
        double Bits(GgmlType of) => 8.0 * of.BlockBytes() / of.BlockLength();
        // Norms and routers in F32 are read as plain numbers, as F16 is.
        return curves.OrderBy(candidate => candidate.Type != type).ThenBy(candidate => (candidate.Type.BlockLength() == 1) != (type.BlockLength() == 1))
            .ThenBy(candidate => Math.Abs(Bits(candidate.Type) - Bits(type))).First();
    }

    /// <summary>A rate at a size: seconds go evenly from one measured size to the next by the logarithm of the bytes; beyond the ends they stay.</summary>
    private static double At(TypeCalibration curve, long bytes, Func<CalibrationPoint, double> rate)
    {
        var points = curve.Points;
        if (bytes <= points[0].Bytes)
        {
            return rate(points[0]);
        }
        for (var index = 1; index < points.Count; index++)
        {
            if (bytes < points[index].Bytes)
            {
                var (from, to) = (points[index - 1], points[index]);
                var position = Math.Log((double)bytes / from.Bytes) / Math.Log((double)to.Bytes / from.Bytes);
                return 1 / ((1 - position) / rate(from) + position / rate(to));
            }
        }
        return rate(points[^1]);
    }
}
