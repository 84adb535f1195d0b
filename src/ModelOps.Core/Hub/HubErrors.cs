using System.Net;
using System.Text.Json;

namespace ModelOps.Hub;

/// <summary>
/// From an answer to an error. Missing, private, gated, disabled, unknown revision, unknown file and a bad token are seven kinds with texts of their own
/// (huggingface_hub's hf_raise_for_status tells them apart by the same headers).
/// </summary>
internal static class HubErrors
{
    private const string Disabled = "Access to this resource is disabled.";
    private const string BadToken = "Invalid credentials in Authorization header";
    private const int MaxQuotedText = 300;

    public static bool IsTransient(HttpStatusCode status) => status is HttpStatusCode.RequestTimeout or HttpStatusCode.InternalServerError
        or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;

    /// <param name="response">An answer of status 400 or more.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="redirected">Whether the answer came from somewhere the hub sent us to.</param>
    /// <param name="body">Beginning of the body.</param>
    /// <param name="options">For the endpoint, the token and the clock.</param>
    public static HubFailure From(HttpResponseMessage response, HubRequest request, bool redirected, string body, HubOptions options)
    {
        HttpStatusCode status = response.StatusCode;
        if (status == HttpStatusCode.TooManyRequests)
            return RateLimited(response, request, options);

        string? code = Header(response, "X-Error-Code");
        string? text = Readable(Header(response, "X-Error-Message"));
        string host = response.RequestMessage?.RequestUri?.Host ?? request.Address.Host;
        string repository = request.Repository ?? "";
        ModelOpsException? error = (code, text, status) switch
        {
            ("RevisionNotFound", _, _) => new ModelOpsException(ErrorKind.RevisionNotFound, $"'{repository}' has no revision '{request.Revision}'.", "Name a branch, tag or commit of the repository, or leave the revision out for main."),
            ("EntryNotFound", _, _) => FileNotFound(request),
            ("GatedRepo", _, _) => Gated(repository, options),
            (_, Disabled, _) => new ModelOpsException(ErrorKind.RepositoryDisabled, $"The hub has disabled '{repository}'.", $"Its page may say why: {Page(repository, options)}"),
            (_, BadToken, _) => new ModelOpsException(ErrorKind.Unauthorized, $"{host} does not accept the access token{(options.TokenSource is { } source ? $" of {source}" : "")}.", "It may be mistyped, expired or revoked: make a new one, or take it away (HF_TOKEN, or the token file); public repositories need none."),
            ("RepoNotFound", _, _) => RepositoryMissing(repository, options),
            (_, _, HttpStatusCode.RequestedRangeNotSatisfiable) => new ModelOpsException(ErrorKind.InvalidArgument, $"The range is behind the end of '{request.Path}' ({response.Content.Headers.ContentRange?.Length?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "unknown"} bytes)."),
            (_, _, HttpStatusCode.ProxyAuthenticationRequired) => new ModelOpsException(ErrorKind.NetworkFailure, "The proxy asks for a user name and password.", "Put them into HTTPS_PROXY (http://user:password@proxy:port)."),
            // The hub may say 401 for what is missing as well, so as not to tell what exists.
            (_, _, HttpStatusCode.Unauthorized) when !redirected && request.Repository is not null => Private(repository, "it is private, or there is no such repository: the hub tells only those who may read it", options),
            (_, _, HttpStatusCode.Forbidden) when !redirected && request.Repository is not null => Private(repository, text ?? Quote(body) ?? status.ToString(), options),
            (_, _, HttpStatusCode.NotFound) when !redirected && request.Path is not null => FileNotFound(request),
            (_, _, HttpStatusCode.NotFound) when !redirected && request.Repository is not null => RepositoryMissing(repository, options),
            (_, _, HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden) when !redirected => new ModelOpsException(
                ErrorKind.Unauthorized,
                $"{host} refuses access: {text ?? Quote(body) ?? status.ToString()}",
                options.Token is null ? "Set HF_TOKEN to a token that may read it." : "The token in use may lack the permission to read it."),
            _ => null,
        };
        if (error is not null)
            return new HubFailure(error, isTransient: false);

        string? id = Readable(Header(response, "X-Request-Id") ?? Header(response, "X-Amzn-Trace-Id"));
        string detail = text ?? Quote(body) ?? response.ReasonPhrase ?? "no reason given";
        return new HubFailure(
            new ModelOpsException(ErrorKind.NetworkFailure, $"{host} answered {(int)status}: {detail}{(id is null ? "" : $" (request {id})")}", "Try again later; what has been downloaded is kept."),
            // A link that the content server refuses has mostly expired: asking the hub again brings a new one.
            isTransient: IsTransient(status) || IsRefusedLink(response, redirected),
            // A server that is down for a moment may say for how long.
            status == HttpStatusCode.ServiceUnavailable ? RateLimitHeaders.Wait(response, options.Time) : null)
        {
            IsRefusedLink = IsRefusedLink(response, redirected),
        };
    }

    /// <summary>Whether the content server, not the hub, says no: its signed links live for a while only.</summary>
    private static bool IsRefusedLink(HttpResponseMessage response, bool redirected) =>
        redirected && response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.Gone && Header(response, "X-Error-Code") is null;

    private static ModelOpsException FileNotFound(HubRequest request) =>
        new(ErrorKind.FileNotFound, $"'{request.Repository}' has no file '{request.Path}' at revision '{request.Revision}'.", "List its files with: modelops show " + request.Repository);

    private static ModelOpsException Gated(string repository, HubOptions options) => new(
        ErrorKind.GatedRepository,
        $"'{repository}' is gated: its owner grants access on request. Page: {Page(repository, options)}",
        $"Open {Page(repository, options)} in a browser, request access, {(options.Token is null ? "and set HF_TOKEN to a token of that account" : "and check that HF_TOKEN belongs to the account that was granted access")}.");

    private static ModelOpsException RepositoryMissing(string repository, HubOptions options) => new(
        ErrorKind.RepositoryNotFound,
        options.Token is null ? $"The hub has no repository '{repository}', or it is private." : $"The hub has no repository '{repository}' that the token in use may see.",
        options.Token is null ? "Check the spelling; for a private repository set HF_TOKEN." : "Check the spelling, and whose token it is.");

    private static ModelOpsException Private(string repository, string why, HubOptions options) => new(
        ErrorKind.PrivateRepository,
        $"The hub refuses access to '{repository}': {why.TrimEnd('.')}.",
        options.Token is null ? "Check the spelling; for a private or gated repository set HF_TOKEN." : "Check the spelling, and that the token in use may read it.");

    private static HubFailure RateLimited(HttpResponseMessage response, HubRequest request, HubOptions options)
    {
        TimeSpan? wait = RateLimitHeaders.Wait(response, options.Time);
        string host = response.RequestMessage?.RequestUri?.Host ?? request.Address.Host;
        return new HubFailure(
            new ModelOpsException(
                ErrorKind.RateLimited,
                $"{host} limits the number of requests{(wait is { } time ? $" and asks to wait {Math.Ceiling(time.TotalSeconds):0} s" : "")}.",
                options.Token is null ? "Try again later. With a token (HF_TOKEN) the limit is yours alone; without, all behind one address share it." : "Try again later."),
            isTransient: true,
            wait);
    }

    private static string Page(string repository, HubOptions options) => $"{options.Endpoint.AbsoluteUri.TrimEnd('/')}/{repository}";

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;

    /// <summary>The error text of a JSON body, else the beginning of a plain one.</summary>
    private static string? Quote(string body)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("error", out JsonElement error) && error.ValueKind == JsonValueKind.String)
                return Readable(error.GetString());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Not JSON, or with half a character in it: quoted as it is.
        }
        return Readable(body) is { } line && line[0] != '<' ? line : null;
    }

    /// <summary>A server's words as one line of bounded length. Control characters would be commands to the terminal.</summary>
    internal static string? Readable(string? text)
    {
        string line = string.Join(' ', string.Concat((text ?? "").Select(c => char.IsControl(c) ? ' ' : c)).Split(' ', StringSplitOptions.RemoveEmptyEntries));
        return line.Length == 0 ? null : line[..Math.Min(line.Length, MaxQuotedText)];
    }
}
