using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops hardware</c></summary>
internal static class HardwareCommand
{
    public static Command Create(CliHost host) => new Command("hardware", "Show this machine as a fit sees it; its JSON is a file for 'fit --machine'.").Does(host, (context, _, cancellationToken) =>
    {
        var machine = context.ReadMachine(cancellationToken);
        context.Output.Write(machine, CliJson.Default.Machine, report => Render(report, machine));
        return Task.FromResult(0);
    });

    private static void Render(Report report, Machine machine)
    {
        report.Pairs(
            ("machine", machine.Name),
            ("system", $"{machine.OperatingSystem}, {machine.Architecture}"),
            ("processor", machine.Processor),
            ("cores", $"{machine.PhysicalCores} physical, {machine.LogicalProcessors} logical"),
            ("disk free", machine.DiskFreeBytes is { } bytes ? Sizes.Bytes(bytes) : null));
        report.Line();
        report.Table([new("Device", Wrap: true), new("Kind"), new("Memory", Right: true), new("Free", Right: true), new("Bandwidth", Right: true)],
            machine.Devices.Select(device => new[]
            {
                device.Name,
                device.Kind switch { DeviceKind.Cpu => "CPU", DeviceKind.Gpu => "GPU", _ => "integrated GPU" },
                Sizes.Bytes(device.TotalBytes),
                Sizes.Bytes(device.FreeBytes),
                device.BandwidthBytesPerSecond is { } bandwidth ? $"{Sizes.Number(bandwidth / 1e9, "0.0")} GB/s" : "",
            }));
        foreach (var reason in machine.Devices.Select(device => device.Unusable).OfType<string>())
        {
            report.Line($"• {reason}");
        }
    }
}
