using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace ModelOps.Server.Inference;

/// <summary>
/// Keeps web pages out that are not let in: a page whose name was made to point at loopback (DNS rebinding) by its Host header, any other by its Origin. Programs
/// send no Origin.
/// </summary>
/// <param name="loopback">Whether the server listens on loopback only.</param>
/// <param name="origins">Origins that may ask.</param>
internal sealed class BrowserCheck(bool loopback, IReadOnlyList<string> origins)
{
    private const string Everybody = "*";
    private const string PreflightSeconds = "600";

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        HttpRequest request = context.Request;
        IHeaderDictionary answer = context.Response.Headers;
        answer.XContentTypeOptions = "nosniff";
        if (loopback && !IsLoopback(request.Host.Host))
            return ApiError.ForeignHost.ExecuteAsync(context);
        string origin = request.Headers.Origin.ToString();
        if (origin.Length == 0 || IsOwn(origin, request.Host))
            return next(context);
        if (!origins.Contains(Everybody) && !origins.Contains(origin, StringComparer.OrdinalIgnoreCase))
            return ApiError.ForeignOrigin.ExecuteAsync(context);
        answer.AccessControlAllowOrigin = origins.Contains(Everybody) ? Everybody : origin;
        answer.Vary = HeaderNames.Origin;
        if (!HttpMethods.IsOptions(request.Method) || !request.Headers.ContainsKey(HeaderNames.AccessControlRequestMethod))
            return next(context);
        // The question before the question.
        answer.AccessControlAllowMethods = "GET, POST";
        answer.AccessControlAllowHeaders = request.Headers.AccessControlRequestHeaders;
        answer.AccessControlMaxAge = PreflightSeconds;
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    /// <summary>Whether a host is this machine's loopback.</summary>
    public static bool IsLoopback(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));

    // A proxy may have taken TLS off: http and https are not told apart. Without a port in it a name stands for the usual one.
    private static bool IsOwn(string origin, HostString host)
        => host.HasValue && Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) && uri.Host.Equals(host.Host, StringComparison.OrdinalIgnoreCase) && (host.Port is { } port ? uri.Port == port : uri.IsDefaultPort);
}
