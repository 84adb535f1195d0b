using Microsoft.AspNetCore.Http;

namespace ModelOps.Server;

/// <summary>An error as the hub answers it: status, X-Error-Code, X-Error-Message, and a JSON body with the text.</summary>
internal sealed class HubError(int status, string? code, string message) : IResult
{
    public static readonly HubError RepositoryNotFound = new(StatusCodes.Status404NotFound, "RepoNotFound", "Repository not found");
    public static readonly HubError MissingToken = new(StatusCodes.Status401Unauthorized, null, "Invalid username or password.");
    public static readonly HubError WrongToken = new(StatusCodes.Status401Unauthorized, null, "Invalid credentials in Authorization header");
    public static readonly HubError LinkRefused = new(StatusCodes.Status403Forbidden, null, "Access denied: the link is not valid or has expired");

    public static HubError RevisionNotFound(string revision) => new(StatusCodes.Status404NotFound, "RevisionNotFound", $"Invalid rev id: {revision}");

    public static HubError EntryNotFound(string path) => new(StatusCodes.Status404NotFound, "EntryNotFound", $"{path} does not exist on this revision");

    public static HubError BadRequest(string message) => new(StatusCodes.Status400BadRequest, null, message);

    /// <summary>For what is no route at all.</summary>
    public static Task NotFound(HttpContext context) => new HubError(StatusCodes.Status404NotFound, null, "Sorry, we can't find the page you are looking for.").ExecuteAsync(context);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        HttpResponse response = httpContext.Response;
        response.StatusCode = status;
        if (code is not null)
            response.Headers["X-Error-Code"] = code;
        response.Headers["X-Error-Message"] = HeaderText(message);
        // A HEAD request has no body, and Kestrel would drop it anyway.
        if (!HttpMethods.IsHead(httpContext.Request.Method))
            await response.WriteAsJsonAsync(new Dictionary<string, string> { ["error"] = message }, httpContext.RequestAborted).ConfigureAwait(false);
    }

    // The message may quote the request's path: a header takes printable ASCII only.
    private static string HeaderText(string text) => string.Concat(text.Select(c => c is >= ' ' and <= '~' ? c : '?'));
}
