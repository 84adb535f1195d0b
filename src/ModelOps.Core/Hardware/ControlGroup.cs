using System.Globalization;

namespace ModelOps.Hardware;

/// <summary>Limits of the control groups that this process is in, version 2 or 1: what memory and how many processors a container or a service may use.</summary>
internal sealed class ControlGroup(string root)
{
    // "No limit" of version 1 is the largest multiple of the page size below 2^63.
    private const long Unlimited = 1L << 60;

    /// <summary>
    /// The tightest limit on the way up to the root group, and what is left of the one with least left; null when there is none. A group that may use swap
    /// besides is not given more by it: weights in swap are read back for every token.
    /// </summary>
    public (long LimitBytes, long FreeBytes)? Read()
    {
        long limit = long.MaxValue, free = long.MaxValue;
        foreach (var (mount, path, version) in Groups("memory"))
        {
            foreach (var folder in WayUp(mount, path))
            {
                foreach (var (most, used) in version == 2 ? Version2(folder) : Version1(folder))
                {
                    if (most is null)
                    {
                        continue;
                    }
                    limit = Math.Min(limit, most.Value);
                    // Pages of files that were read count as used, but are given up for the asking.
                    var reclaimable = Statistic(folder, version == 2 ? "inactive_file" : "total_inactive_file");
                    free = Math.Min(free, Math.Max(0, most.Value - Math.Max(0, (used ?? 0) - (reclaimable ?? 0))));
                }
            }
        }
        return limit == long.MaxValue ? null : (limit, free);
    }

    /// <summary>Processors' worth of time that the tightest group may use (<c>cpu.max</c>, <c>cpu.cfs_quota_us</c>); null without a limit.</summary>
    public double? ProcessorQuota()
    {
        double? least = null;
        foreach (var (mount, path, version) in Groups("cpu"))
        {
            foreach (var folder in WayUp(mount, path))
            {
                var (quota, period) = version == 2
                    ? SystemFile.Read(Path.Combine(folder, "cpu.max"))?.Trim().Split(' ') is [var first, var second] && long.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds)
                        && long.TryParse(second, NumberStyles.None, CultureInfo.InvariantCulture, out var of) ? (microseconds, of) : (0, 0)
                    : (Number(Path.Combine(folder, "cpu.cfs_quota_us")) ?? 0, Number(Path.Combine(folder, "cpu.cfs_period_us")) ?? 0);
                if (quota > 0 && period > 0)
                {
                    least = Math.Min(least ?? double.MaxValue, (double)quota / period);
                }
            }
        }
        return least;
    }

    // Above memory.high a group is slowed down until nothing moves: for a model the same as a limit.
    private static IEnumerable<(long? Most, long? Used)> Version2(string folder)
    {
        var used = Number(Path.Combine(folder, "memory.current"));
        yield return (Limit(Path.Combine(folder, "memory.max")), used);
        yield return (Limit(Path.Combine(folder, "memory.high")), used);
    }

    // memsw is memory and swap together, never the smaller limit, but it may be the fuller one. The hierarchical limit is that of groups above, which a
    // container may not see.
    private static IEnumerable<(long? Most, long? Used)> Version1(string folder)
    {
        var used = Number(Path.Combine(folder, "memory.usage_in_bytes"));
        yield return (Limit(Path.Combine(folder, "memory.limit_in_bytes")), used);
        yield return (Limit(Path.Combine(folder, "memory.memsw.limit_in_bytes")), Number(Path.Combine(folder, "memory.memsw.usage_in_bytes")));
        yield return (Statistic(folder, "hierarchical_memory_limit") is { } above and < Unlimited ? above : null, used);
    }

    /// <summary>The mount point and path of the groups that a controller can limit, from /proc/self/cgroup: <c>0::/path</c>, <c>5:memory:/path</c>.</summary>
    private IEnumerable<(string Mount, string Path, int Version)> Groups(string controller)
    {
        var hierarchy = Path.Combine(root, "sys/fs/cgroup");
        foreach (var line in (SystemFile.Read(Path.Combine(root, "proc/self/cgroup")) ?? "0::/").Split('\n'))
        {
            var parts = line.Split(':', 3);
            if (parts.Length != 3)
            {
                continue;
            }
            if (parts[0] == "0" && parts[1].Length == 0)
            {
                // On hybrid systems version 2 lies one level down and has no memory controller; looking is harmless.
                yield return (hierarchy, parts[2], 2);
            }
            else if (parts[1].Split(',').Contains(controller))
            {
                yield return (Path.Combine(hierarchy, controller), parts[2], 1);
            }
        }
    }

    /// <summary>The group's folder and all above it. In a container the path may be the host's and not exist here: then it begins where it does.</summary>
    private static IEnumerable<string> WayUp(string mount, string path)
    {
        var steps = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        // A container may see "/.." when its own group is not its root.
        if (steps.Contains(".."))
        {
            steps = [];
        }
        for (var depth = steps.Length; depth >= 0; depth--)
        {
            var folder = Path.Combine([mount, .. steps[..depth]]);
            if (Directory.Exists(folder))
            {
                yield return folder;
            }
        }
    }

    private static long? Limit(string path) => Number(path) is { } value and < Unlimited ? value : null;

    private static long? Number(string path) => SystemFile.ReadNumber(path);

    private static long? Statistic(string folder, string name)
        => SystemFile.Read(Path.Combine(folder, "memory.stat"))?.Split('\n')
            .Select(line => line.Split(' ', 2))
            .Where(parts => parts.Length == 2 && parts[0] == name)
            .Select(parts => long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : (long?)null)
            .FirstOrDefault();
}
