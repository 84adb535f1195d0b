using System.Globalization;
using Microsoft.AspNetCore.Http;
using ModelOps.Hub;

namespace ModelOps.Server;

/// <summary>An error as the hub answers it: status, X-Error-Code, X-Error-Message, and a JSON body with the text.</summary>
internal sealed class HubError(int status, string? code, string message, TimeSpan? retryAfter = null) : IResult
{
    /// <summary>The hub's own text for it, which its clients know it by.</summary>
    private const string Disabled = "Access to this resource is disabled.";

    public static readonly HubError MissingToken = new(StatusCodes.Status401Unauthorized, null, "Invalid username or password.");
    public static readonly HubError WrongToken = new(StatusCodes.Status401Unauthorized, null, "Invalid credentials in Authorization header");
    public static readonly HubError LinkRefused = new(StatusCodes.Status403Forbidden, null, "Access denied: the link is not valid or has expired");

    public static HubError EntryNotFound(string path) => new(StatusCodes.Status404NotFound, "EntryNotFound", $"{path} does not exist on this revision");

    public static HubError BadRequest(string message) => new(StatusCodes.Status400BadRequest, null, message);

    /// <summary>What went wrong here or at the hub behind, in the hub's words.</summary>
    public static HubError From(ModelOpsException error, TimeSpan? retryAfter = null) => error.Kind switch
    {
        ErrorKind.RepositoryNotFound or ErrorKind.PrivateRepository or ErrorKind.ModelNotFound => new(StatusCodes.Status404NotFound, "RepoNotFound", error.Message),
        ErrorKind.RevisionNotFound => new(StatusCodes.Status404NotFound, "RevisionNotFound", error.Message),
        ErrorKind.FileNotFound => new(StatusCodes.Status404NotFound, "EntryNotFound", error.Message),
        ErrorKind.GatedRepository => new(StatusCodes.Status403Forbidden, "GatedRepo", error.Message),
        ErrorKind.RepositoryDisabled => new(StatusCodes.Status403Forbidden, null, Disabled),
        ErrorKind.InvalidArgument => BadRequest(error.Message),
        ErrorKind.RateLimited => new(StatusCodes.Status429TooManyRequests, null, error.Message, retryAfter ?? TimeSpan.FromMinutes(1)),
        ErrorKind.InsufficientDiskSpace => new(StatusCodes.Status507InsufficientStorage, null, error.Message),
        // Not the client's token: what went wrong lies between this server and the hub behind it.
        ErrorKind.Unauthorized or ErrorKind.NetworkFailure or ErrorKind.Offline or ErrorKind.ChecksumMismatch => new(StatusCodes.Status502BadGateway, null, error.Message),
        _ => new(StatusCodes.Status500InternalServerError, null, error.Message),
    };

    /// <summary>Turns the errors of what follows into answers.</summary>
    public static async Task CatchAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context).ConfigureAwait(false);
        }
        catch (Exception e) when (!context.Response.HasStarted && e is ModelOpsException or HubFailure)
        {
            await (e is HubFailure failure ? From(failure.Error, failure.Wait) : From((ModelOpsException)e)).ExecuteAsync(context).ConfigureAwait(false);
        }
    }

    /// <summary>For what is no route at all.</summary>
    public static Task NotFound(HttpContext context) => new HubError(StatusCodes.Status404NotFound, null, "Sorry, we can't find the page you are looking for.").ExecuteAsync(context);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        HttpResponse response = httpContext.Response;
        response.StatusCode = status;
        if (code is not null)
            response.Headers["X-Error-Code"] = code;
        response.Headers["X-Error-Message"] = HeaderText(message);
        response.Headers.ContentDisposition = default;
        if (retryAfter is { } wait)
            response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        // A HEAD request has no body, and Kestrel would drop it anyway.
        if (!HttpMethods.IsHead(httpContext.Request.Method))
            await response.WriteAsJsonAsync(new Dictionary<string, string> { ["error"] = message }, httpContext.RequestAborted).ConfigureAwait(false);
    }

    // The message may quote the request's path: a header takes printable ASCII only.
    private static string HeaderText(string text) => string.Concat(text.Select(c => c is >= ' ' and <= '~' ? c : '?'));
}
