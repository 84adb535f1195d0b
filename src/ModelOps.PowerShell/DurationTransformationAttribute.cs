using System.Globalization;
using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Takes a time as people write it (30s, 10m, 2h, 90d) where a TimeSpan is wanted; a number alone would be read as ticks, and never means that.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DurationTransformationAttribute : ArgumentTransformationAttribute
{
    private const string Forever = "Forever";

    /// <summary>Whether Forever is a time too.</summary>
    public bool TakesForever { get; set; }

    /// <summary>The longest; 40 days are what a timer takes.</summary>
    public int MostDays { get; set; } = 40;

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        var value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        // To PowerShell 90d is a decimal and 90s a short; what was typed is in the object around it.
        return value is TimeSpan time ? Checked(time) : Read(inputData?.ToString() ?? "");
    }

    private TimeSpan Read(string text)
    {
        if (text == "0")
        {
            return TimeSpan.Zero;
        }
        if (TakesForever && text.Equals(Forever, StringComparison.OrdinalIgnoreCase))
        {
            return Timeout.InfiniteTimeSpan;
        }
        if (text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time))
        {
            return Checked(time);
        }
        try
        {
            return Checked(CleaningOptions.ParseAge(text));
        }
        catch (ModelOpsException)
        {
            throw Refused(text);
        }
    }

    private TimeSpan Checked(TimeSpan time)
        => (time >= TimeSpan.Zero && time <= TimeSpan.FromDays(MostDays)) || (TakesForever && time == Timeout.InfiniteTimeSpan) ? time : throw Refused(time.ToString());

    private ArgumentTransformationMetadataException Refused(string text)
        => new($"'{text}' is no time. Write a number of seconds, minutes, hours or days: 45s, 30m, 12h, 7d, up to {MostDays} days{(TakesForever ? $", or {Forever}" : "")}.");
}
