using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using ModelOps.Hub;

namespace ModelOps.Remote;

/// <summary>What a server's refusals and a broken network mean, in our kinds: who answered, what it said, and never the key.</summary>
internal sealed class EndpointErrors(EndpointOptions options)
{
    private const string Advice = "Check the address, and that the server runs.";

    private string Host => options.Address.Authority;

    /// <summary>From an answer of status 400 or more.</summary>
    public EndpointFailure From(HttpResponseMessage response, string body)
    {
        (string? message, string? code) = Read(body);
        HttpStatusCode status = response.StatusCode;
        string said = $"{Host} answered {(int)status}: {Scrub(message) ?? Scrub(response.ReasonPhrase) ?? "no reason given"}";
        TimeSpan? wait = status is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable ? RateLimitHeaders.Wait(response, options.Time) : null;
        // A quota that is used up does not come back in a moment.
        bool transient = (status == HttpStatusCode.TooManyRequests && code != "insufficient_quota") || HubErrors.IsTransient(status);
        return new EndpointFailure(Of(status, code, said), transient, wait);
    }

    /// <summary>From an error that came in the middle of a stream, where no status tells what it is.</summary>
    public EndpointFailure FromStream(JsonElement error)
    {
        (string? message, string? code) = Read(error);
        HttpStatusCode status = error.ValueKind == JsonValueKind.Object && error.TryGetProperty("code", out JsonElement number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out int value) && value is >= 400 and < 600
            ? (HttpStatusCode)value : HttpStatusCode.InternalServerError;
        return new EndpointFailure(Of(status, code, $"{Host} ended the answer: {Scrub(message) ?? "no reason given"}"), isTransient: HubErrors.IsTransient(status) || status == HttpStatusCode.TooManyRequests);
    }

    /// <summary>No connection, or none that lasted.</summary>
    public EndpointFailure From(HttpRequestException exception, Uri address)
    {
        HubFailure failure = NetworkErrors.From(exception, address);
        // A service that starts anew refuses connections for a moment.
        bool refused = exception.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused };
        return new EndpointFailure(new ModelOpsException(failure.Error.Kind, failure.Error.Message, $"{Advice} A proxy is taken from HTTPS_PROXY and NO_PROXY.", failure.Error.InnerException), failure.IsTransient || refused) { IsUnheard = exception.HttpRequestError == HttpRequestError.ConnectionError };
    }

    /// <summary>The connection broke in an answer.</summary>
    public EndpointFailure Broken(string reason, Exception? inner = null)
        => new(new ModelOpsException(ErrorKind.NetworkFailure, $"{Host} broke off: {reason}.", Advice, inner), isTransient: true);

    /// <summary>No connection in the time for one.</summary>
    public EndpointFailure Unconnected(Exception inner)
        => new(new ModelOpsException(ErrorKind.NetworkFailure, $"{Host} took no connection within {options.ConnectTimeout.TotalSeconds:0.###} s.", Advice, inner), isTransient: true) { IsUnheard = true };

    /// <summary>Nothing came for too long. It may still be at work on it: asking again would only add to that.</summary>
    public EndpointFailure Silent()
        => new(new ModelOpsException(ErrorKind.NetworkFailure, $"{Host} was silent for {options.StallTimeout.TotalSeconds:0.###} s.", "It may be overloaded, or the prompt long for it."), isTransient: false);

    /// <summary>An answer that is not of the protocol.</summary>
    public EndpointFailure Unexpected(string what, Exception? inner = null)
        => new(new ModelOpsException(ErrorKind.NetworkFailure, $"The answer of {Host} is not of OpenAI's protocol: {what}.", "Check the address; a login page of the network or a proxy may have answered in its place.", inner), isTransient: false);

    /// <summary>A redirect that is not followed.</summary>
    public EndpointFailure Redirect(HttpResponseMessage response, Uri? target)
        => new(new ModelOpsException(ErrorKind.NetworkFailure, $"{Host} redirects ({(int)response.StatusCode}) to {(target is null ? "nowhere" : $"{target.Scheme}://{target.Authority}")}, where prompts and keys are not sent unasked.", "Give that address, if it is the server's."), isTransient: false);

    private ModelOpsException Of(HttpStatusCode status, string? code, string said) => (status, code) switch
    {
        (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden, _) => new(ErrorKind.Unauthorized, said, options.ApiKey is null ? $"Set {EndpointOptions.ApiKeyVariable} to a key of this server." : "Check the key, and what it is allowed to."),
        (_, "context_length_exceeded" or "exceed_context_size_error") => new(ErrorKind.ContextFull, said, "Shorten the prompt, or have the server started with a longer context."),
        (HttpStatusCode.NotFound, _) => new(ErrorKind.ModelNotFound, said, $"It may have another name for the model, or lack this part of the protocol: {options.Address} must be the address before /v1."),
        (HttpStatusCode.TooManyRequests, _) => new(ErrorKind.RateLimited, said, "Try again later, or ask for less at once."),
        ( >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError and not HttpStatusCode.RequestTimeout, _) => new(ErrorKind.InvalidArgument, said, "The server refuses the request; leave out what it does not know."),
        _ => new(ErrorKind.NetworkFailure, said, "Try again later; the server's log says more."),
    };

    private static (string? Message, string? Code) Read(string body)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            JsonElement root = document.RootElement;
            // vLLM has message and code at the top, FastAPI a detail.
            return root.ValueKind == JsonValueKind.Object && root.TryGetProperty("error", out JsonElement error) ? Read(error)
                : root.ValueKind == JsonValueKind.Object && root.TryGetProperty("detail", out JsonElement detail) ? (detail.ToString(), null)
                : Read(root);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Not JSON, or with half a character in it: quoted as it is, unless it is a page.
            return (body.TrimStart().StartsWith('<') ? null : body, null);
        }
    }

    private static (string? Message, string? Code) Read(JsonElement error) => error.ValueKind switch
    {
        JsonValueKind.String => (error.GetString(), null),
        JsonValueKind.Object => (Text(error, "message"), Text(error, "code") ?? Text(error, "type")),
        _ => (null, null),
    };

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    // Some servers repeat the key that they do not know.
    private string? Scrub(string? text) => HubErrors.Readable(options.ApiKey is { Length: > 0 } key ? text?.Replace(key, "(the key)", StringComparison.Ordinal) : text)?.TrimEnd('.') is { Length: > 0 } clean ? clean + "." : null;
}
