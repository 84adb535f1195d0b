namespace ModelOps.Cli.Rendering;

/// <summary>A fit as a person reads it.</summary>
internal static class FitReport
{
    public static void Write(Report report, FitResult result, bool explain = false)
    {
        var summary = $"{result.Model} at {result.ContextLength} tokens of context";
        if (result.Fits)
        {
            report.Success($"Fits: {summary}");
        }
        else
        {
            report.Failure($"Does not fit: {summary}");
        }
        report.Line();
        FitPicture.Write(report, result.Devices);
        report.Line();
        if (explain && result.Explanation is { } explanation)
        {
            FitParts.Write(report, explanation);
        }
        else
        {
            WriteDevices(report, result.Devices);
            report.Line();
        }
        if (result.Exact is { } exact)
        {
            ExactReport.Write(report, exact);
        }
        report.Pairs(
            ("layers on GPUs", result.Devices.Any(device => device.Kind != DeviceKind.Cpu) ? result.GpuLayers.ToString() : null),
            ("experts on the CPU", result.Parameters is { CpuExpertLayers: > 0 and var layers } ? $"of the first {layers} layers" : null),
            ("keys and values", result.Parameters.KvType is GgmlType.F16 ? null : result.Parameters.KvType.ToString()),
            ("speed", Speed(result.TokensPerSecond)),
            ("prompts", Speed(result.PromptTokensPerSecond)));
        foreach (var advice in result.Advice)
        {
            report.Line($"• {advice}");
        }
    }

    private static string? Speed(SpeedRange? speed) => speed switch
    {
        null => null,
        { Expected: { } expected } => $"about {TokenRate.Format(expected)} tokens/s, {TokenRate.Range(speed)}",
        _ => $"{TokenRate.Range(speed)} tokens/s",
    };

    private static void WriteDevices(Report report, IReadOnlyList<DeviceFit> devices)
    {
        var state = devices.Any(device => device.StateBytes > 0);
        report.Table(
            [new("Device", Wrap: true), new("Weights", Right: true), new("KV cache", Right: true), .. state ? [new Column("State", Right: true)] : Array.Empty<Column>(),
                new("Compute", Right: true), new("Other", Right: true), new("Total", Right: true), new("Free", Right: true)],
            devices.Select(device => (IReadOnlyList<string>)
            [
                device.Name, Sizes.Bytes(device.WeightsBytes), Sizes.Bytes(device.KvCacheBytes), .. state ? [Sizes.Bytes(device.StateBytes)] : Array.Empty<string>(),
                Sizes.Bytes(device.ComputeBytes), Sizes.Bytes(device.OverheadBytes), Sizes.Bytes(device.TotalBytes), Sizes.Bytes(device.FreeBytes),
            ]));
    }
}
