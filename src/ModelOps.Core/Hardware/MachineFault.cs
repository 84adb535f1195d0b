using System.Reflection;
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
        if (Unconverted().IsMatch(message))
        {
            return place is null ? "it is not an object." : $"{place} is not {Kind(place)}.";
        }
        return Position().Replace(message, "") is var text && exception.LineNumber is { } line ? $"in line {line + 1}, {text}" : message;
    }

    /// <summary>What belongs at a place such as <c>devices[1].kind</c>; the reader names the type of the object around it.</summary>
    private static string Kind(string place)
    {
        var type = typeof(Machine);
        foreach (var step in place.Split('.'))
        {
            var bracket = step.IndexOf('[', StringComparison.Ordinal);
            if (type.GetProperty(bracket < 0 ? step : step[..bracket], BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase)?.PropertyType is not { } found)
            {
                return "what is wanted there";
            }
            type = bracket >= 0 && found.IsGenericType ? found.GetGenericArguments()[0] : Nullable.GetUnderlyingType(found) ?? found;
        }
        return type switch
        {
            { IsEnum: true } => $"one of {string.Join(", ", Enum.GetNames(type))}",
            { IsGenericType: true } => "a list",
            _ when type == typeof(int) || type == typeof(long) => "a whole number in range",
            _ when type == typeof(double) => "a number",
            _ when type == typeof(string) => "a text",
            _ when type == typeof(DateTimeOffset) => "a date",
            _ => "an object",
        };
    }

    [GeneratedRegex("missing required properties.*?: (?<names>.*)", RegexOptions.Singleline)]
    private static partial Regex Missing();

    [GeneratedRegex("'(?<name>[^']+)'")]
    private static partial Regex Name();

    [GeneratedRegex("could not be converted to ")]
    private static partial Regex Unconverted();

    [GeneratedRegex(@" (Path: \S+ \| )?LineNumber: \d+ \| BytePositionInLine: \d+\.$")]
    private static partial Regex Position();
}
