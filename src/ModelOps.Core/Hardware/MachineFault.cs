using System.Text.Json;
using System.Text.RegularExpressions;

namespace ModelOps.Hardware;

/// <summary>Says in the words of a machine file what the JSON reader found in it, which speaks of its own types.</summary>
internal static partial class MachineFault
{
    /// <summary>The rest of a sentence.</summary>
    public static string Of(JsonException exception)
    {
        var message = exception.Message;
        var place = exception.Path is { Length: > 2 } path ? path[2..] : null;
        if (Missing().Match(message) is { Success: true } missing)
        {
            return $"{(place is null ? "it" : place)} lacks {string.Join(", ", Name().Matches(missing.Groups["names"].Value).Select(name => name.Groups["name"].Value))}.";
        }
        if (Unconverted().Match(message) is { Success: true } value)
        {
            return $"{place ?? "it"} is not {Kind(value.Groups["type"].Value)}.";
        }
        return Position().Replace(message, "") is var text && exception.LineNumber is { } line ? $"in line {line + 1}, {text}" : message;
    }

    private static string Kind(string type) => type switch
    {
        _ when type.Contains(nameof(DeviceKind), StringComparison.Ordinal) => $"one of {string.Join(", ", Enum.GetNames<DeviceKind>())}",
        _ when type.Contains("List", StringComparison.Ordinal) => "a list",
        _ when type.Contains("Int", StringComparison.Ordinal) => "a whole number in range",
        _ when type.Contains("Double", StringComparison.Ordinal) => "a number",
        _ when type.Contains("String", StringComparison.Ordinal) => "a text",
        _ when type.Contains("DateTime", StringComparison.Ordinal) => "a date",
        _ => "an object of the kind that is wanted there",
    };

    [GeneratedRegex("missing required properties.*?: (?<names>.*)", RegexOptions.Singleline)]
    private static partial Regex Missing();

    [GeneratedRegex("'(?<name>[^']+)'")]
    private static partial Regex Name();

    [GeneratedRegex(@"could not be converted to (?<type>\S+)")]
    private static partial Regex Unconverted();

    [GeneratedRegex(@" (Path: \S+ \| )?LineNumber: \d+ \| BytePositionInLine: \d+\.$")]
    private static partial Regex Position();
}
