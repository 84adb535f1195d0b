namespace ModelOps.Cli.Rendering;

/// <summary>How the memory of a fit was computed: a table of parts for every device, and what the answer rests on.</summary>
internal static class FitParts
{
    private const int LeastWidth = 60;

    public static void Write(Report report, FitExplanation explanation)
    {
        foreach (var device in explanation.Devices.Where(device => device.Parts.Count > 0))
        {
            report.Title(device.Name);
            // Beside the figures a narrow terminal has no room for sentences: there they follow.
            var isNarrow = report.PictureWidth < LeastWidth;
            IReadOnlyList<Column> columns = [new("Part"), new("Memory", Right: true), new("Range"), new("How", Wrap: true)];
            report.Table(
                [.. columns.Take(isNarrow ? 3 : 4)],
                device.Parts.Select(part => new[] { Name(part.Kind), Sizes.Bytes(part.Bytes), part.IsExact ? "exact" : Range(part.LowBytes, part.HighBytes), part.How })
                    .Append(["total", Sizes.Bytes(device.TotalBytes), Range(device.LowBytes, device.HighBytes), ""])
                    .Append(["free", Sizes.Bytes(device.FreeBytes), "", ""])
                    .Append(device.MarginBytes < 0 ? ["wanting", Sizes.Bytes(-device.MarginBytes), "", ""] : ["margin", Sizes.Bytes(device.MarginBytes), "", ""])
                    .Select(row => (IReadOnlyList<string>)[.. row.Take(isNarrow ? 3 : 4)]));
            foreach (var part in isNarrow ? device.Parts : [])
            {
                report.Line($"{Name(part.Kind)}: {part.How}");
            }
            report.Line();
        }
        report.Line(explanation.Certainty == FitCertainty.Sure ? "The answer holds at either end of the ranges." : "It is close: at the other end of the ranges the answer is the other one.");
        if (explanation.Assumption is { } assumption)
        {
            report.Line($"It rests most on this: {assumption.Sentence}");
        }
        if (explanation.Speed is { } speed)
        {
            report.Line(speed);
        }
        report.Line();
    }

    private static string Name(FitPartKind kind) => kind switch
    {
        FitPartKind.KvCache => "KV cache",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private static string Range(long low, long high) => low == high ? Sizes.Bytes(low)
        : (Sizes.Bytes(low).Split(' '), Sizes.Bytes(high)) is ([var number, var unit], var text) && text.EndsWith($" {unit}", StringComparison.Ordinal) ? $"{number} to {text}"
        : $"{Sizes.Bytes(low)} to {Sizes.Bytes(high)}";
}
