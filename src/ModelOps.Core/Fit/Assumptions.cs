namespace ModelOps.Fit;

/// <summary>Finds what an answer rests on most.</summary>
internal static class Assumptions
{
    /// <summary>The assumption with the widest range on the device that has the least room for its share; null when all is exact there.</summary>
    public static FitAssumption? Dominating(Machine machine, IReadOnlyList<DeviceExplanation> devices)
    {
        var tightest = devices.Where(device => device.Parts.Count > 0).MinBy(device => device.MarginBytes / (double)Math.Max(1, device.FreeBytes));
        if (tightest is null)
        {
            return null;
        }
        var used = Used(machine, tightest);
        // What others hold decides when the model would fit without them.
        if (tightest.MarginBytes < 0 && used > 0 && tightest.MarginBytes + used >= 0)
        {
            return new FitAssumption(tightest.Name, $"Other programs keep the {Text.Bytes(used)} of {tightest.Name} that they hold; without them it would fit there.", tightest.LowBytes, tightest.HighBytes);
        }
        return tightest.Parts.MaxBy(part => part.HighBytes - part.LowBytes) is { IsExact: false } widest
            ? new FitAssumption(
                tightest.Name,
                $"{Subject(widest.Kind)} of {tightest.Name} is taken for {Text.Bytes(widest.Bytes)} and may be {Text.Bytes(widest.LowBytes)} to {Text.Bytes(widest.HighBytes)}; the {Text.Bytes(tightest.FreeBytes)} free must stay free.",
                tightest.LowBytes,
                tightest.HighBytes)
            : null;
    }

    private static long Used(Machine machine, DeviceExplanation explained)
        => machine.Devices.FirstOrDefault(device => device.Name == explained.Name && device.FreeBytes == explained.FreeBytes) is { } device ? device.TotalBytes - device.FreeBytes : 0;

    private static string Subject(FitPartKind kind) => kind switch
    {
        FitPartKind.Overhead => "The overhead (process, libraries, driver)",
        FitPartKind.Scratch => "The scratch memory",
        FitPartKind.Compute => "The compute buffer",
        _ => $"The part '{kind}'",
    };
}
