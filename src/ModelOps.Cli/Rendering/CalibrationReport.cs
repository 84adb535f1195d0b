namespace ModelOps.Cli.Rendering;

/// <summary>A calibration for people.</summary>
internal static class CalibrationReport
{
    public static void Render(Report report, SpeedCalibration calibration)
    {
        report.Pairs(
            ("processor", calibration.Processor),
            ("engine", calibration.Engine),
            ("measured", calibration.MeasuredAt.ToString("u")));
        foreach (var device in calibration.Devices)
        {
            report.Line();
            report.Line($"{Name(device)}: {Sizes.Number(device.TokenSeconds * 1e6, "0.0")} µs a token and {Sizes.Number(device.TensorSeconds * 1e6, "0.00")} µs a tensor, beside");
            report.Table([new("Type"), new("Model", Right: true), new("Reads", Right: true), new("Prompts", Right: true)],
                device.Types.SelectMany(type => type.Points.Select(point => new[]
                {
                    type.Type, Sizes.Bytes(point.Bytes), $"{Sizes.Number(point.BytesPerSecond / 1e9, "0.0")} GB/s", $"{Sizes.Number(point.PromptOperationsPerSecond / 1e9, "0")} GFLOPS",
                })));
        }
    }

    public static string Name(DeviceCalibration device) => device.Threads == 0 ? device.Device : $"{device.Device} with {device.Threads} {(device.Threads == 1 ? "thread" : "threads")}";
}
