using System.Text.RegularExpressions;

namespace ModelOps.Hub;

/// <summary>The next page's address in a <c>Link: &lt;…&gt;; rel="next"</c> header.</summary>
internal static partial class LinkHeader
{
    public static Uri? Next(HttpResponseMessage response, Uri page)
    {
        if (!response.Headers.TryGetValues("Link", out IEnumerable<string>? values))
            return null;
        Match match = Pattern().Match(string.Join(", ", values));
        return match.Success && Uri.TryCreate(page, match.Groups["address"].Value, out Uri? next) ? next : null;
    }

    [GeneratedRegex("<(?<address>[^>]+)>\\s*;[^<]*rel=\"?next\"?")]
    private static partial Regex Pattern();
}
