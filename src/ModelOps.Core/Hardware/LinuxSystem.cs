using System.Runtime.InteropServices;

namespace ModelOps.Hardware;

/// <summary>Linux, from /proc and /sys under <paramref name="root"/> (another folder in tests).</summary>
internal sealed class LinuxSystem(string root)
{
    public SystemFacts Read()
    {
        var memory = MemoryInfo.Parse(Text("proc/meminfo") ?? "")
            ?? throw new ModelOpsException(ErrorKind.Failure, "The system does not say how much memory it has: /proc/meminfo is missing or has another form.");
        var groups = new ControlGroup(root);
        var group = groups.Read();
        var total = Math.Min(memory.TotalBytes, group?.LimitBytes ?? long.MaxValue);
        var free = Math.Min(memory.AvailableBytes, group?.FreeBytes ?? long.MaxValue);
        var cpuInfo = Text("proc/cpuinfo") ?? "";
        var topology = new CpuTopology(root);
        return new SystemFacts(
            OperatingSystemName(),
            CpuInfo.ProcessorName(cpuInfo) ?? Text("sys/firmware/devicetree/base/model")?.TrimEnd('\0', '\n') ?? RuntimeInformation.ProcessArchitecture.ToString(),
            topology.PhysicalCores() ?? CpuInfo.PhysicalCores(cpuInfo) ?? Environment.ProcessorCount,
            total,
            free,
            null,
            new LinuxGraphics(root).Read(total, free))
        {
            PerformanceCores = topology.PerformanceCores(),
            ProcessorQuota = groups.ProcessorQuota(),
        };
    }

    /// <summary>The distribution's name, as it is shown to people, and the kernel.</summary>
    private string OperatingSystemName()
    {
        var release = Text("etc/os-release") ?? Text("usr/lib/os-release") ?? "";
        var name = release.Split('\n').FirstOrDefault(line => line.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))?["PRETTY_NAME=".Length..].Trim().Trim('"', '\'');
        var kernel = Text("proc/sys/kernel/osrelease")?.Trim();
        return (name, kernel) switch
        {
            (null or "", null or "") => RuntimeInformation.OSDescription,
            (null or "", _) => $"Linux {kernel}",
            (_, null or "") => name,
            _ => $"{name} (Linux {kernel})",
        };
    }

    private string? Text(string path) => SystemFile.Read(Path.Combine(root, path));
}
