using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.WebUtilities;

namespace ModelOps.Server;

/// <summary>Pages as the hub makes them: a cursor that only the server understands, and a Link header with the next page's address.</summary>
internal static class Paging
{
    private const string Cursor = "cursor";

    /// <summary>Takes the page that the request asks for and sets the Link header; null when the request's cursor or limit makes no sense.</summary>
    public static IReadOnlyList<T>? Take<T>(HttpContext context, IReadOnlyList<T> items, int pageSize)
    {
        if (Read(context.Request, pageSize) is not var (start, limit))
            return null;
        T[] page = [.. items.Skip(start).Take(limit)];
        if (start + page.Length < items.Count)
            context.Response.Headers.Link = $"<{Next(context.Request, start + page.Length)}>; rel=\"next\"";
        return page;
    }

    private static (int Start, int Limit)? Read(HttpRequest request, int pageSize)
    {
        int limit = pageSize;
        if (request.Query.TryGetValue("limit", out var limits))
        {
            if (!int.TryParse(limits, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit == 0)
                return null;
            limit = Math.Min(limit, pageSize);
        }
        int start = 0;
        if (request.Query.TryGetValue(Cursor, out var cursors))
        {
            try
            {
                if (!int.TryParse(Encoding.ASCII.GetString(WebEncoders.Base64UrlDecode(cursors.ToString())), NumberStyles.None, CultureInfo.InvariantCulture, out start))
                    return null;
            }
            catch (FormatException)
            {
                return null;
            }
        }
        return (start, limit);
    }

    private static string Next(HttpRequest request, int start)
    {
        var query = new QueryBuilder(request.Query.Where(pair => pair.Key != Cursor).SelectMany(pair => pair.Value, (pair, value) => KeyValuePair.Create(pair.Key, value ?? "")))
        {
            { Cursor, WebEncoders.Base64UrlEncode(Encoding.ASCII.GetBytes(start.ToString(CultureInfo.InvariantCulture))) },
        };
        return UriHelper.BuildAbsolute(request.Scheme, request.Host, request.PathBase, request.Path, query.ToQueryString());
    }
}
