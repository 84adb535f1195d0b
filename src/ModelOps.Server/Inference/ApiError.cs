using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>An error in the shape of OpenAI's API, with its status.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Type">Class of errors, in OpenAI's words.</param>
/// <param name="Code">What programs tell it by.</param>
/// <param name="Message">What people read.</param>
internal sealed record ApiError(int Status, string Type, string Code, string Message) : IResult
{
    private const string InvalidRequest = "invalid_request_error";
    private const string ServerError = "server_error";

    /// <summary>The parameter that is wrong.</summary>
    public string? Parameter { get; init; }
    /// <summary>When to try again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public static ApiError MissingKey { get; } = new(StatusCodes.Status401Unauthorized, InvalidRequest, "missing_api_key", "This server asks for an API key: send it as 'Authorization: Bearer KEY'.");
    public static ApiError WrongKey { get; } = new(StatusCodes.Status401Unauthorized, InvalidRequest, "invalid_api_key", "The API key is not one of this server's.");
    public static ApiError ForeignHost { get; } = new(StatusCodes.Status403Forbidden, InvalidRequest, "host_not_allowed", "This server answers on loopback only, under the names localhost, 127.0.0.1 and [::1].");
    public static ApiError ForeignOrigin { get; } = new(StatusCodes.Status403Forbidden, InvalidRequest, "origin_not_allowed", "Web pages of this origin may not ask this server; it is started with --cors ORIGIN for those that may.");
    public static ApiError NoRoute { get; } = new(StatusCodes.Status404NotFound, InvalidRequest, "unknown_url", "There is nothing at this address.");
    public static ApiError TooLarge { get; } = new(StatusCodes.Status413PayloadTooLarge, InvalidRequest, "request_too_large", "The request's body is larger than this server allows.");
    public static ApiError Ending { get; } = new(StatusCodes.Status503ServiceUnavailable, ServerError, "shutting_down", "The server is shutting down.") { RetryAfter = TimeSpan.FromSeconds(5) };
    public static ApiError Internal { get; } = new(StatusCodes.Status500InternalServerError, ServerError, "internal_error", "The server failed at this request; its log says why.");
    public static ApiError TimedOut { get; } = new(StatusCodes.Status504GatewayTimeout, ServerError, "timeout", "The request took longer than this server allows.");

    public static ApiError QueueFull(TimeSpan wait) => new(StatusCodes.Status429TooManyRequests, "rate_limit_error", "queue_full", "Too many requests wait for this model.") { RetryAfter = wait };

    public static ApiError BadRequest(string message, string? parameter, string code = "invalid_value") => new(StatusCodes.Status400BadRequest, InvalidRequest, code, message) { Parameter = parameter };

    public static ApiError NoSuchModel(string name) => new(StatusCodes.Status404NotFound, InvalidRequest, "model_not_found", $"The model '{name}' does not exist on this server; GET /v1/models lists those that do.") { Parameter = "model" };

    /// <summary>What an exception means to a client; null for one that must not be told.</summary>
    public static ApiError? From(Exception exception) => exception switch
    {
        ApiException api => api.Error,
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => TooLarge,
        BadHttpRequestException bad => new(bad.StatusCode, InvalidRequest, "bad_request", bad.Message),
        ModelOpsException error => From(error),
        _ => null,
    };

    private static ApiError From(ModelOpsException error)
    {
        string message = error.Hint is null ? error.Message : $"{error.Message} {error.Hint}";
        return error.Kind switch
        {
            ErrorKind.InvalidArgument => BadRequest(message, null),
            ErrorKind.InvalidSchema => BadRequest(message, "response_format", "invalid_schema"),
            ErrorKind.InvalidGrammar => BadRequest(message, "grammar", "invalid_grammar"),
            ErrorKind.InvalidTemplate => BadRequest(message, "messages", "invalid_template"),
            ErrorKind.ContextFull => BadRequest(message, "messages", "context_length_exceeded"),
            ErrorKind.DoesNotFit => new(StatusCodes.Status503ServiceUnavailable, ServerError, "does_not_fit", message),
            ErrorKind.EngineCrashed => new(StatusCodes.Status502BadGateway, ServerError, "engine_crashed", message),
            ErrorKind kind => new(StatusCodes.Status500InternalServerError, ServerError, kind.ToString(), message),
        };
    }

    /// <summary>The body.</summary>
    public JsonObject ToJson() => new()
    {
        ["error"] = new JsonObject { ["message"] = Message, ["type"] = Type, ["param"] = Parameter, ["code"] = Code },
    };

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        HttpResponse response = httpContext.Response;
        response.StatusCode = Status;
        if (RetryAfter is { } wait)
            response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        if (Status == StatusCodes.Status401Unauthorized)
            response.Headers.WWWAuthenticate = "Bearer";
        // A HEAD request has no body, and Kestrel would drop it anyway.
        if (!HttpMethods.IsHead(httpContext.Request.Method))
            await JsonAnswer.WriteAsync(response, ToJson(), httpContext.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Turns the errors of what follows into answers; what has begun to be streamed tells of them itself.</summary>
    /// <param name="context">The request.</param>
    /// <param name="next">What follows.</param>
    /// <param name="remark">Told of what is no client's business: defects.</param>
    public static async Task CatchAsync(HttpContext context, RequestDelegate next, Action<string>? remark)
    {
        try
        {
            await next(context).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there any more to be told; the figures are.
            if (!context.Response.HasStarted)
                context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
        catch (Exception e) when (!context.Response.HasStarted && From(e) is not null)
        {
            await From(e)!.ExecuteAsync(context).ConfigureAwait(false);
        }
        catch (Exception e) when (From(e) is null && e is not ConnectionResetException)
        {
            remark?.Invoke($"{context.Request.Method} {context.Request.Path.ToUriComponent()} failed: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
            if (context.Response.HasStarted)
                throw;
            await Internal.ExecuteAsync(context).ConfigureAwait(false);
        }
    }
}

/// <summary>A request that is answered with an error.</summary>
internal sealed class ApiException(ApiError error) : Exception(error.Message)
{
    public ApiError Error => error;
}
