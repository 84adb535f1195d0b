namespace ModelOps;

/// <summary>What a notice is about.</summary>
public enum HubNoticeKind
{
    /// <summary>A request failed in a way that may pass, and is tried again after a wait.</summary>
    Retry,
    /// <summary>The hub limits the number of requests and asked for a wait.</summary>
    RateLimit,
    /// <summary>A repository has another name now.</summary>
    Renamed,
    /// <summary>A warning that the hub sent along (<c>X-HF-Warning</c>).</summary>
    Warning,
}

/// <summary>Something that people should hear about while the work goes on.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Message">One or two sentences.</param>
/// <param name="Wait">How long nothing will happen now; zero when the work goes on at once.</param>
public sealed record HubNotice(HubNoticeKind Kind, string Message, TimeSpan Wait = default);
