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
            && Pattern().Match(string.Join(',', values)) is { Success: true } match
            && match.Groups["remaining"].Value == "0"
            && long.TryParse(match.Groups["seconds"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds))
        {
            return TimeSpan.FromSeconds(Math.Min(seconds, (long)TimeSpan.FromDays(1).TotalSeconds));
        }
        if (response.Headers.RetryAfter is { } after)
        {
            TimeSpan? wait = after.Delta ?? (after.Date - time.GetUtcNow());
            return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
        }
        return null;
    }

    [GeneratedRegex(@";\s*r=(?<remaining>\d+)\s*;\s*t=(?<seconds>\d+)")]
    private static partial Regex Pattern();
}
