using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops hardware</c></summary>
internal static class HardwareCommand
{
    public static Command Create(CliHost host)
    {
        var list = new Option<bool>("--list") { Description = $"Show the built-in reference machines instead, which 'fit --machine {ReferenceMachines.Prefix}NAME' answers for." };
        return new Command("hardware", "Show this machine as a fit sees it; its JSON is a file for 'fit --machine'.") { list }.Does(host, async (context, parsed, cancellationToken) =>
        {
            if (parsed.GetValue(list))
            {
                context.Output.Write(new MachineListing(ReferenceMachines.All), CliJson.Default.MachineListing, report => RenderAll(report, ReferenceMachines.All));
                return 0;
            }
            var machine = await context.MeasureMachineAsync(cancellationToken);
            context.Output.Write(machine, CliJson.Default.Machine, report => Render(report, machine));
            return 0;
        });
    }

    private static void RenderAll(Report report, IReadOnlyList<Machine> machines)
    {
        report.Table([new("Name"), new("Processor", Wrap: true), new("Memory", Right: true), new("Free", Right: true), new("GPUs", Wrap: true), new("Memory", Right: true), new("Bandwidth", Right: true)],
            machines.Select(machine =>
            {
                Device[] gpus = [.. machine.Devices.Skip(1)];
                return new[]
                {
                    ReferenceMachines.Prefix + machine.Name,
                    machine.Processor,
                    Sizes.Bytes(machine.Devices[0].TotalBytes),
                    Sizes.Bytes(machine.Devices[0].FreeBytes),
                    string.Join(", ", gpus.GroupBy(gpu => gpu.Name).Select(group => group.Count() > 1 ? $"{group.Count()} × {group.Key}" : group.Key)),
                    gpus.Length > 0 ? Sizes.Bytes(gpus.Sum(gpu => gpu.TotalBytes)) : "",
                    Rate(gpus.FirstOrDefault() ?? machine.Devices[0]),
                };
            }));
        report.Line();
        report.Remark("Free memory as a fresh desktop leaves it: 4 GiB less of main memory (5 GiB on a Mac), 0.75 GiB less of the first card.");
    }

    private static void Render(Report report, Machine machine)
    {
        report.Pairs(
            ("machine", machine.Name),
            ("system", $"{machine.OperatingSystem}, {machine.Architecture}"),
            ("processor", machine.Processor),
            ("cores", $"{machine.PhysicalCores} physical{(machine.PerformanceCores is { } fast ? $" ({fast} of them fast)" : "")}, {machine.LogicalProcessors} logical"),
            ("disk free", machine.DiskFreeBytes is { } bytes ? Sizes.Bytes(bytes) : null),
            ("speed", machine.Calibration is { } calibration ? $"calibrated {calibration.MeasuredAt:yyyy-MM-dd} with {calibration.Engine}" : "not calibrated (bench --calibrate)"));
        report.Line();
        report.Table([new("Device", Wrap: true), new("Kind"), new("Family"), new("Memory", Right: true), new("Free", Right: true), new("Bandwidth", Right: true)],
            machine.Devices.Select(device => new[]
            {
                device.Name,
                device.Kind switch { DeviceKind.Cpu => "CPU", DeviceKind.Gpu => "GPU", _ => "integrated GPU" },
                device.Kind == DeviceKind.Cpu || device.Family == DeviceFamily.Unknown ? "" : device.Family.ToString(),
                Sizes.Bytes(device.TotalBytes),
                Sizes.Bytes(device.FreeBytes),
                Rate(device),
            }));
        foreach (var reason in machine.Devices.Select(device => device.Unusable).OfType<string>())
        {
            report.Line($"• {reason}");
        }
    }

    private static string Rate(Device device) => device.BandwidthBytesPerSecond is { } bandwidth ? $"{Sizes.Number(bandwidth / 1e9, "0.0")} GB/s" : "";
}
