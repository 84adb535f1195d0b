using System.Globalization;

namespace ModelOps.Hardware;

/// <summary>Physical cores from sysfs, of the processors that this process may run on.</summary>
internal sealed class CpuTopology(string root)
{
    /// <summary>Distinct physical cores; null where sysfs does not tell.</summary>
    public int? PhysicalCores() => CountCores(AllowedProcessors());

    /// <summary>Distinct physical cores of the fast kind; null where all are alike, or sysfs does not tell.</summary>
    public int? PerformanceCores()
    {
        // Intel's hybrids name their two kinds; on ARM a capacity is given, relative to the fastest.
        var fast = SystemFile.Read(Path.Combine(root, "sys/devices/cpu_atom/cpus")) is null ? FastByCapacity()
            : SystemFile.Read(Path.Combine(root, "sys/devices/cpu_core/cpus")) is { } list ? ParseList(list) : null;
        if (fast is null)
        {
            return null;
        }
        if (AllowedProcessors() is { } allowed)
        {
            fast.IntersectWith(allowed);
        }
        return CountCores(fast) ?? 0;
    }

    private HashSet<int>? FastByCapacity()
    {
        var capacities = SystemFile.Numbered(Path.Combine(root, "sys/devices/system/cpu"), "cpu")
            .Select(folder => (Number: int.Parse(Path.GetFileName(folder).AsSpan(3), CultureInfo.InvariantCulture), Capacity: SystemFile.ReadNumber(Path.Combine(folder, "cpu_capacity"))))
            .Where(processor => processor.Capacity is not null).ToList();
        var least = capacities.Count > 0 ? capacities.Min(processor => processor.Capacity) : null;
        return capacities.Any(processor => processor.Capacity > least) ? [.. capacities.Where(processor => processor.Capacity > least).Select(processor => processor.Number)] : null;
    }

    private int? CountCores(HashSet<int>? allowed)
    {
        var cores = new HashSet<(long, long)>();
        foreach (var folder in SystemFile.Numbered(Path.Combine(root, "sys/devices/system/cpu"), "cpu"))
        {
            var number = int.Parse(Path.GetFileName(folder).AsSpan(3), CultureInfo.InvariantCulture);
            // Processors that are off have no topology.
            if ((allowed is null || allowed.Contains(number)) && SystemFile.ReadNumber(Path.Combine(folder, "topology/core_id")) is { } core)
            {
                cores.Add((SystemFile.ReadNumber(Path.Combine(folder, "topology/physical_package_id")) ?? 0, core));
            }
        }
        return cores.Count > 0 ? cores.Count : null;
    }

    private HashSet<int>? AllowedProcessors()
    {
        const string Key = "Cpus_allowed_list:";
        var line = SystemFile.Read(Path.Combine(root, "proc/self/status"))?.Split('\n').FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal));
        return line is null ? null : ParseList(line[Key.Length..]);
    }

    /// <summary>Parses the kernel's list form: <c>0-3,8,10-11</c>; null when it is not one.</summary>
    public static HashSet<int>? ParseList(string text)
    {
        var numbers = new HashSet<int>();
        foreach (var part in text.Trim().Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var ends = part.Split('-', 2);
            if (!int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                || !int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last) || last - first is < 0 or > 65535)
            {
                return null;
            }
            numbers.UnionWith(Enumerable.Range(first, last - first + 1));
        }
        return numbers.Count > 0 ? numbers : null;
    }
}
