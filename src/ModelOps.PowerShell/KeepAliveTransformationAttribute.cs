using System.Globalization;
using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Takes a time as people write it (30m, 2h) or Forever where a TimeSpan is wanted; a number alone would be read as days.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class KeepAliveTransformationAttribute : ArgumentTransformationAttribute
{
    private const string Forever = "Forever";

    // What a timer takes.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(40);

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        var value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        return value switch
        {
            TimeSpan time when time == Timeout.InfiniteTimeSpan => time,
            TimeSpan time => Checked(time),
            int and 0 => TimeSpan.Zero,
            string text when text.Equals(Forever, StringComparison.OrdinalIgnoreCase) => Timeout.InfiniteTimeSpan,
            "0" => TimeSpan.Zero,
            string text when text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time) => Checked(time),
            string text => Checked(Parse(text)),
            _ => throw Refused(value),
        };
    }

    private static TimeSpan Parse(string text)
    {
        try
        {
            return CleaningOptions.ParseAge(text);
        }
        catch (ModelOpsException)
        {
            throw Refused(text);
        }
    }

    private static TimeSpan Checked(TimeSpan time) => time >= TimeSpan.Zero && time <= Longest ? time : throw Refused(time);

    private static ArgumentTransformationMetadataException Refused(object? value)
        => new($"'{value}' is no time to keep a model. Write a number of minutes, hours or days: 30m, 12h, 2d, up to 40 days; 0 for not at all, Forever for as long as the session.");
}
