using System.Globalization;
using System.Text;

namespace ModelOps.Templates;

/// <summary>strftime in the C locale, for <c>strftime_now</c>. Like <c>datetime.now()</c> the time has no zone, so <c>%z</c> and <c>%Z</c> are empty.</summary>
internal static class TimeFormat
{
    public static string Apply(string format, DateTimeOffset time)
    {
        var text = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }
            // %-d: glibc's flag for no padding.
            var isBare = format[i + 1] == '-' && i + 2 < format.Length;
            i += isBare ? 2 : 1;
            var part = Part(format[i], time);
            if (part is null)
                text.Append('%').Append(isBare ? "-" : "").Append(format[i]);
            else
                text.Append(isBare && part.Length > 1 ? part[..^1].TrimStart('0', ' ') + part[^1] : part);
        }
        return text.ToString();
    }

    private static string? Part(char letter, DateTimeOffset time)
    {
        // One letter alone would name a standard format, hence the %.
        string Custom(string format) => time.ToString(format, CultureInfo.InvariantCulture);
        return letter switch
        {
            'Y' => Custom("yyyy"),
            'y' => Custom("yy"),
            'C' => (time.Year / 100).ToString("00", CultureInfo.InvariantCulture),
            'm' => Custom("MM"),
            'd' => Custom("dd"),
            'e' => time.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
            'b' or 'h' => Custom("MMM"),
            'B' => Custom("MMMM"),
            'a' => Custom("ddd"),
            'A' => Custom("dddd"),
            'H' => Custom("HH"),
            'I' => Custom("hh"),
            'M' => Custom("mm"),
            'S' => Custom("ss"),
            'f' => Custom("ffffff"),
            'p' => Custom("tt"),
            'j' => time.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
            'w' => ((int)time.DayOfWeek).ToString(CultureInfo.InvariantCulture),
            'u' => (((int)time.DayOfWeek + 6) % 7 + 1).ToString(CultureInfo.InvariantCulture),
            'U' => ((time.DayOfYear + 6 - (int)time.DayOfWeek) / 7).ToString("00", CultureInfo.InvariantCulture),
            'W' => ((time.DayOfYear + 6 - ((int)time.DayOfWeek + 6) % 7) / 7).ToString("00", CultureInfo.InvariantCulture),
            'V' => ISOWeek.GetWeekOfYear(time.DateTime).ToString("00", CultureInfo.InvariantCulture),
            'G' => ISOWeek.GetYear(time.DateTime).ToString("0000", CultureInfo.InvariantCulture),
            'F' => Custom("yyyy-MM-dd"),
            'D' or 'x' => Custom("MM'/'dd'/'yy"),
            'T' or 'X' => Custom("HH':'mm':'ss"),
            'R' => Custom("HH':'mm"),
            'c' => Custom("ddd MMM ") + time.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2) + Custom(" HH':'mm':'ss yyyy"),
            'n' => "\n",
            't' => "\t",
            'z' or 'Z' => "",
            '%' => "%",
            _ => null,
        };
    }
}
