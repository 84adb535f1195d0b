using Spectre.Console;

namespace ModelOps.Cli.Rendering;

/// <summary>The memory of the devices as bars, one a device, as wide as the terminal.</summary>
internal static class FitPicture
{
    private const int LongestName = 26;
    private const int ShortestBar = 10;

    public static void Write(Report report, IReadOnlyList<DeviceFit> devices)
    {
        var glyphs = MemoryBar.Glyphs.For(report.Characters);
        var lines = devices.Select(device => (
            Device: device,
            Name: Printable.Line(device.Name, Math.Min(LongestName, report.PictureWidth / 3)),
            Figures: $"{Sizes.Bytes(device.TotalBytes)} of {Sizes.Bytes(device.FreeBytes)}")).ToList();
        var names = lines.Max(line => line.Name.Length);
        var width = Math.Max(ShortestBar, report.PictureWidth - names - lines.Max(line => line.Figures.Length) - 4);
        foreach (var (device, name, figures) in lines)
        {
            report.Stretches(
            [
                ($"{name.PadRight(names)}  ", Color.Default),
                .. MemoryBar.Stretches(device, width, glyphs).Select(stretch => (new string(stretch.Glyph, stretch.Length), ColorOf(stretch.Content))),
                ($"  {figures}", Color.Default),
            ]);
        }
        report.Remark(glyphs.Legend);
    }

    private static Color ColorOf(BarContent content) => content switch
    {
        BarContent.Weights => Color.Blue,
        BarContent.Cache => Color.Aqua,
        BarContent.Compute => Color.Yellow,
        BarContent.Other => Color.Purple,
        BarContent.Limit => Color.Red,
        _ => Color.Grey,
    };
}
