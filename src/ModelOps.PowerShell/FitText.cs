using System.Text;

namespace ModelOps.PowerShell;

/// <summary>A fit as text; public because the format views and the type data call it.</summary>
public static class FitText
{
    /// <summary>Columns that a window of eighty leaves beside the labels of a list.</summary>
    public const int ListWidth = 61;

    private const int Width = 79;
    private const int LongestName = 26;
    private const int ShortestBar = 10;
    private const int Indent = 11;

    /// <summary>The devices' memory as bars, one a line, with what the characters mean below.</summary>
    /// <param name="fit">The fit.</param>
    /// <param name="width">Columns to draw in.</param>
    public static string Picture(FitResult fit, int width = Width)
    {
        ArgumentNullException.ThrowIfNull(fit);
        var glyphs = MemoryBar.Glyphs.For(Console.OutputEncoding);
        var lines = fit.Devices.Select(device => (
            Device: device,
            Name: device.Name.Length <= LongestName ? device.Name : string.Concat(device.Name.AsSpan(0, LongestName - 1), "…"),
            Figures: $"{ByteSize.Format(device.TotalBytes)} of {ByteSize.Format(device.FreeBytes)}")).ToList();
        var names = lines.Max(line => line.Name.Length);
        var bar = Math.Max(ShortestBar, width - names - lines.Max(line => line.Figures.Length) - 4);
        return string.Join(
            Environment.NewLine,
            lines.Select(line => $"{line.Name.PadRight(names)}  {MemoryBar.Draw(line.Device, bar, glyphs)}  {line.Figures}").Append(glyphs.Legend));
    }

    /// <summary>The model in short: repository and variant, else the file's name.</summary>
    public static string Model(FitResult fit)
    {
        ArgumentNullException.ThrowIfNull(fit);
        return fit.Repository is null ? Path.GetFileName(fit.Model) : fit.Variant is null ? fit.Repository : $"{fit.Repository}:{fit.Variant}";
    }

    /// <summary>Tokens a second, from and to, with what is expected when that is known; nothing for null.</summary>
    public static string Speed(SpeedRange? speed, bool withExpected = true)
    {
        if (speed is null)
        {
            return "";
        }
        var range = TokenRate.Range(speed, "-");
        return withExpected && speed.Expected is { } expected ? $"about {TokenRate.Format(expected)}, {range}" : range;
    }

    /// <summary>The range of a part: <c>exact</c>, or from and to.</summary>
    public static string Range(FitPart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        return part.IsExact ? "exact" : Range(part.LowBytes, part.HighBytes);
    }

    /// <summary>From and to.</summary>
    public static string Range(long low, long high) => low == high ? ByteSize.Format(low) : $"{ByteSize.Format(low)} - {ByteSize.Format(high)}";

    /// <summary>The parts of every device, for a list.</summary>
    public static string Parts(FitExplanation explanation)
    {
        ArgumentNullException.ThrowIfNull(explanation);
        return string.Join(Environment.NewLine, explanation.Devices.Where(device => device.Parts.Count > 0).Select(Parts));
    }

    /// <summary>The parts of a device, for a list, and their sum.</summary>
    public static string Parts(DeviceExplanation device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var parts = device.Parts.Select(part => Wrap($"{part.Kind.ToString().PadRight(Indent)}{ByteSize.Format(part.Bytes)} ({Range(part)}): {part.How}", Indent));
        var rest = device.MarginBytes < 0 ? $"{ByteSize.Format(-device.MarginBytes)} wanting" : $"{ByteSize.Format(device.MarginBytes)} stay free";
        var total = Wrap($"{"Total".PadRight(Indent)}{ByteSize.Format(device.TotalBytes)} ({Range(device.LowBytes, device.HighBytes)}); {rest}", Indent);
        return string.Join(Environment.NewLine, parts.Prepend(device.Name).Append(total));
    }

    /// <summary>Text of a list, broken between words: the shell would break within them.</summary>
    /// <param name="text">A sentence; null gives nothing.</param>
    /// <param name="indent">Columns that further lines are set in by.</param>
    /// <param name="width">Columns of a line.</param>
    public static string Wrap(string? text, int indent = 0, int width = ListWidth)
    {
        var result = new StringBuilder();
        var column = 0;
        // Blanks at the start, and more than one, are alignment, not places to break at.
        foreach (var word in (text ?? "").Split(' '))
        {
            if (column > indent && column + 1 + word.Length > width)
            {
                result.Append(Environment.NewLine).Append(' ', indent);
                column = indent;
            }
            else if (result.Length > 0 || column > 0)
            {
                result.Append(' ');
                column++;
            }
            result.Append(word);
            column += word.Length;
        }
        return result.ToString();
    }
}
