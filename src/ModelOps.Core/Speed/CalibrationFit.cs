namespace ModelOps.Speed;

/// <summary>One model that was timed on one device.</summary>
/// <param name="Type">Type of its matrices.</param>
/// <param name="Size">Which of the sizes it is of, from 0.</param>
/// <param name="Bytes">Bytes read for a token.</param>
/// <param name="LayerWeights">Weights that every token of a prompt is multiplied with.</param>
/// <param name="Tensors">Tensors read for a token.</param>
/// <param name="KvBytes">Bytes of keys and values read for a token.</param>
/// <param name="TokenSeconds">Seconds a generated token.</param>
/// <param name="PromptTokenSeconds">Seconds a token of a prompt; infinite when none was timed.</param>
internal sealed record SpeedMeasurement(GgmlType Type, int Size, long Bytes, long LayerWeights, int Tensors, double KvBytes, double TokenSeconds, double PromptTokenSeconds)
{
    /// <summary>The faster of two of the same: whatever else the machine does only makes a token slower.</summary>
    public SpeedMeasurement Faster(SpeedMeasurement other)
        => this with { TokenSeconds = Math.Min(TokenSeconds, other.TokenSeconds), PromptTokenSeconds = Math.Min(PromptTokenSeconds, other.PromptTokenSeconds) };
}

/// <summary>
/// Fits a device's figures to what was timed: seconds = fixed + tensors · a + bytes · b(type, size) + kvBytes · c, by least squares of relative errors,
/// none of them negative.
/// </summary>
internal static class CalibrationFit
{
    // Where the measurements do not tell a figure, or noise hides it: faster than any machine, so that it does not count.
    private const double LeastSecondsPerByte = 1e-15;

    /// <summary>The figures of one device.</summary>
    /// <param name="measurements">Of several sizes and at least one type.</param>
    /// <param name="device">The device's name.</param>
    /// <param name="threads">Threads that computed.</param>
    public static DeviceCalibration Solve(IReadOnlyList<SpeedMeasurement> measurements, string device, int threads)
    {
        var points = measurements.Select(measurement => (measurement.Type, measurement.Size)).Distinct().Order().ToList();
        const int Fixed = 0, Tensors = 1, Kv = 2, First = 3;
        var rows = measurements.Select(measurement =>
        {
            var row = new double[First + points.Count];
            row[Fixed] = 1 / measurement.TokenSeconds;
            row[Tensors] = measurement.Tensors / measurement.TokenSeconds;
            row[Kv] = measurement.KvBytes / measurement.TokenSeconds;
            row[First + points.IndexOf((measurement.Type, measurement.Size))] = measurement.Bytes / measurement.TokenSeconds;
            return row;
        }).ToList();
        var solution = NonNegativeLeastSquares.Solve(rows, [.. rows.Select(_ => 1.0)]);
        return new DeviceCalibration
        {
            Device = device,
            Threads = threads,
            TokenSeconds = solution[Fixed],
            TensorSeconds = solution[Tensors],
            KvBytesPerSecond = 1 / Math.Max(solution[Kv], LeastSecondsPerByte),
            Types =
            [
                .. points.GroupBy(point => point.Type).Select(type => new TypeCalibration(type.Key.ToString(),
                [
                    .. type.Select(point =>
                    {
                        // Models too small to tell a rate are priced at the smallest size's, which is told by the largest that has it.
                        var own = measurements.Where(measurement => (measurement.Type, measurement.Size) == point).MaxBy(measurement => measurement.Bytes)!;
                        return new CalibrationPoint(
                            own.Bytes, 1 / Math.Max(solution[First + points.IndexOf(point)], LeastSecondsPerByte), 2 * own.LayerWeights / own.PromptTokenSeconds);
                    }).OrderBy(point => point.Bytes),
                ])),
            ],
        };
    }
}
