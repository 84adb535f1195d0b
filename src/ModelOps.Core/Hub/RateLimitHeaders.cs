using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Hub;

/// <summary>How long a 429 asks to wait: <c>RateLimit: "api";r=0;t=55</c>, else Retry-After.</summary>
internal static partial class RateLimitHeaders
{
    public static TimeSpan? Wait(HttpResponseMessage response, TimeProvider time)
    {
        // The header is on every answer; only one with nothing remaining explains the refusal.
        if (response.Headers.TryGetValues("RateLimit", out IEnumerable<string>? values)
            && Pattern().Matches(string.Join(',', values)).Where(limit => limit.Groups["remaining"].Value == "0").Select(Seconds).ToArray() is { Length: > 0 } waits)
        {
            // One more, because the hub counts whole seconds (huggingface_hub adds it too).
            return TimeSpan.FromSeconds(waits.Max() + 1);
        }
        if (response.Headers.RetryAfter is { } after)
        {
            TimeSpan? wait = after.Delta ?? (after.Date - time.GetUtcNow());
            return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
        }
        return null;
    }

    private static long Seconds(Match limit)
    {
        const long Longest = 24 * 60 * 60;
        return long.TryParse(limit.Groups["seconds"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) ? Math.Min(seconds, Longest) : Longest;
    }

    [GeneratedRegex(@";\s*r\s*=\s*(?<remaining>[0-9]+)\s*;\s*t\s*=\s*(?<seconds>[0-9]+)")]
    private static partial Regex Pattern();
}
