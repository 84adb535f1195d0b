using ModelOps.Cli.Json;

namespace ModelOps.Cli.Rendering;

/// <summary>The fits of a fleet as a person reads them: one line a machine, then the files that hold none.</summary>
internal static class FleetReport
{
    public static void Write(Report report, FleetListing listing, bool explain)
    {
        report.Table(
            [new("Machine", Wrap: true), new("Fits"), new("Layers on GPUs", Right: true), new("Needs", Right: true), new("Free", Right: true), new("Tokens/s", Right: true)],
            listing.Fits.Select(fit => new[]
            {
                fit.Machine,
                fit.Fits ? "yes" : "no",
                fit.Devices.Any(device => device.Kind != DeviceKind.Cpu) ? fit.GpuLayers.ToString() : "",
                Sizes.Bytes(fit.Devices.Sum(device => device.TotalBytes)),
                // An integrated GPU's memory is the CPU's own.
                Sizes.Bytes(fit.Devices.Where(device => device.Kind != DeviceKind.IntegratedGpu).Sum(device => device.FreeBytes)),
                fit.TokensPerSecond is { } speed ? TokenRate.Range(speed) : "",
            }));
        report.Line();
        if (listing.Fits.Count > 0)
        {
            report.Line($"{listing.Fits.Count(fit => fit.Fits)} of {listing.Fits.Count} machines have room at {string.Join(" or ", listing.Fits.Select(fit => fit.ContextLength).Distinct().Order())} tokens of context.");
        }
        foreach (var error in listing.Errors)
        {
            report.Failure($"• {error.Message}");
        }
        foreach (var fit in explain ? listing.Fits : [])
        {
            report.Line();
            report.Rule(fit.Machine);
            FitReport.Write(report, fit, explain);
        }
    }
}
