using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ModelOps.Hub;

/// <summary>
/// Sends requests. Redirects are followed here, not by the handler, because the token must stay with the endpoint's host; a failed request is
/// classified, never retried (see <see cref="RetryBudget"/>).
/// </summary>
internal sealed class HubTransport : IDisposable
{
    /// <summary>Digest of the content that a redirect of the hub leads to.</summary>
    public const string LinkedETag = "X-Linked-Etag";

    private const int MaxRedirects = 10;
    private const int MaxErrorBody = 4096;
    /// <summary>No answer of the API is near this; a hostile one must not fill the memory.</summary>
    private const long MaxJsonBytes = 256L << 20;

    /// <summary>A wait may end this much early: timers and clocks are not the same.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(250);

    private static readonly string UserAgent =
        $"modelops/{typeof(HubTransport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0"} dotnet/{Environment.Version.ToString(2)}";

    private readonly HubOptions _options;
    private readonly HttpClient _http;
    private readonly System.Collections.Concurrent.ConcurrentDictionary<(string Host, bool IsFile), (DateTimeOffset Until, ModelOpsException Error)> _waits = new();
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> _warned = new(StringComparer.OrdinalIgnoreCase);

    public HubTransport(HubOptions options)
    {
        _options = options;
        if (options.Token is { } token && token.Any(c => c is <= ' ' or > '~'))
            throw new ModelOpsException(ErrorKind.Unauthorized, $"The access token{(options.TokenSource is { } source ? $" of {source}" : "")} contains a space or a character that no token has.", "It may have been pasted with a line break or quotes.");
        HttpMessageHandler handler = options.CreateHandler?.Invoke() ?? new SocketsHttpHandler
        {
            ConnectTimeout = options.StallTimeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            Proxy = new RemoteOnlyProxy(HttpClient.DefaultProxy),
        };
        StopRedirects(handler);
        // No limit on the whole: a body may take hours. Silence is limited, in SendAsync and BodyStream.
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Sends a request and follows redirects; the answer has a status below 400.</summary>
    /// <exception cref="HubFailure">Everything else.</exception>
    public async Task<HttpResponseMessage> SendAsync(HubRequest request, CancellationToken cancellationToken)
    {
        // Asked again before its time, a hub counts on: what one request was told holds for all of its kind.
        var limited = (request.Address.Authority, IsFile: request.Path is not null);
        if (_waits.TryGetValue(limited, out (DateTimeOffset Until, ModelOpsException Error) told) && told.Until - _options.Time.GetUtcNow() is var left && left > Tolerance)
            throw new HubFailure(told.Error, isTransient: true, left) { IsRemembered = true };
        try
        {
            return await SendToTheEndAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (HubFailure e) when (e is { Error.Kind: ErrorKind.RateLimited, Wait: { } wait } && wait <= RetryBudget.LongestWait)
        {
            _waits[limited] = (_options.Time.GetUtcNow() + wait, e.Error);
            throw;
        }
    }

    private async Task<HttpResponseMessage> SendToTheEndAsync(HubRequest request, CancellationToken cancellationToken)
    {
        if (_options.Offline)
        {
            throw new HubFailure(
                new ModelOpsException(ErrorKind.Offline, $"Offline mode is on, so {_options.Endpoint.Host} was not asked{(request.Repository is null ? "" : $" for '{request.Repository}'")}.", "Unset HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) to use the network."),
                isTransient: false);
        }
        Uri address = request.Address;
        string? linkedETag = null;
        for (int hop = 0; hop <= MaxRedirects; hop++)
        {
            HttpResponseMessage response = await SendOneAsync(address, request, cancellationToken).ConfigureAwait(false);
            if ((int)response.StatusCode < 300 || response.StatusCode == HttpStatusCode.NotModified)
            {
                if (linkedETag is not null && !response.Headers.Contains(LinkedETag))
                    response.Headers.TryAddWithoutValidation(LinkedETag, linkedETag);
                return response;
            }
            using (response)
            {
                // What the link leads to is said by the hub only, on the way.
                if (IsEndpoint(address) && response.Headers.TryGetValues(LinkedETag, out IEnumerable<string>? tags))
                    linkedETag = tags.FirstOrDefault();
                if ((int)response.StatusCode >= 400)
                {
                    string body = await ReadErrorAsync(response, cancellationToken).ConfigureAwait(false);
                    // A link that is remembered from an earlier redirect is asked directly: it too is not the hub's.
                    throw HubErrors.From(response, request, hop > 0 || request.IsLink, body, _options);
                }
                address = Target(address, response);
            }
        }
        throw Unusable($"{request.Address.Host} redirects in circles.");
    }

    /// <summary>Sends a request for JSON and reads the answer; <paramref name="response"/> sees its headers.</summary>
    public async Task<T> GetJsonAsync<T>(HubRequest request, JsonTypeInfo<T> type, Action<HttpResponseMessage>? response, CancellationToken cancellationToken) where T : class
    {
        HttpResponseMessage answer = await SendAsync(request, cancellationToken).ConfigureAwait(false);
        Stream body = await OpenBodyAsync(answer, MaxJsonBytes, mustFill: false, cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            try
            {
                response?.Invoke(answer);
                return await JsonSerializer.DeserializeAsync(body, type, cancellationToken).ConfigureAwait(false) ?? throw new JsonException("null");
            }
            catch (JsonException e)
            {
                throw new HubFailure(
                    new ModelOpsException(ErrorKind.NetworkFailure, $"The answer of {request.Address.Host} to {request.Address.AbsolutePath} is not a hub's: {(e.Path is null or "$" ? "it is not the JSON that was expected" : $"its '{e.Path.TrimStart('$', '.')}' is missing or of another kind")}.", "A login page of the network or a proxy may have answered in its place; check HF_ENDPOINT.", e),
                    isTransient: false);
            }
            catch (ModelOpsException e) when (e.Kind == ErrorKind.NetworkFailure)
            {
                throw new HubFailure(e, isTransient: true);
            }
        }
    }

    /// <summary>The body of an answer, guarded against silence and truncation; it owns the answer.</summary>
    public async Task<BodyStream> OpenBodyAsync(HttpResponseMessage response, long length, bool mustFill, CancellationToken cancellationToken)
    {
        Stream inner = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        return new BodyStream(response, inner, length, mustFill, _options.StallTimeout, cancellationToken);
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendOneAsync(Uri address, HubRequest request, CancellationToken cancellationToken)
    {
        using var message = new HttpRequestMessage(HttpMethod.Get, address);
        message.Headers.TryAddWithoutValidation("User-Agent", UserAgent);
        // A compressed body would have another length, and its ranges would be of something else.
        message.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        if (request.Range is var (offset, length))
            message.Headers.Range = new RangeHeaderValue(offset, offset + length - 1);
        if (_options.Token is { } token && IsEndpoint(address))
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);

        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        TimeSpan patience = request.Range is null ? _options.AnswerTimeout ?? _options.StallTimeout : _options.StallTimeout;
        stall.CancelAfter(patience);
        try
        {
            HttpResponseMessage response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, stall.Token).ConfigureAwait(false);
            Warn(response);
            return response;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw NetworkErrors.Timeout(address, patience);
        }
        catch (HttpRequestException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw NetworkErrors.From(e, address);
        }
    }

    /// <summary>Passes on what the hub wants users to know, once a topic: <c>X-HF-Warning: topic; message</c>.</summary>
    private void Warn(HttpResponseMessage response)
    {
        if (_options.Notify is not { } notify || !response.Headers.TryGetValues("X-HF-Warning", out IEnumerable<string>? warnings))
            return;
        foreach (string warning in warnings)
        {
            int end = warning.IndexOf(';');
            if (HubErrors.Readable(warning[(end + 1)..]) is { } message && _warned.TryAdd(end < 0 ? "" : warning[..end].Trim(), true))
                notify(new HubNotice(HubNoticeKind.Warning, $"{response.RequestMessage?.RequestUri?.Host} says: {message}"));
        }
    }

    /// <summary>Has a handler give redirects out instead of following them.</summary>
    public static void StopRedirects(HttpMessageHandler? handler)
    {
        while (handler is DelegatingHandler outer)
            handler = outer.InnerHandler;
        if (handler is SocketsHttpHandler sockets)
            sockets.AllowAutoRedirect = false;
        else if (handler is HttpClientHandler client)
            client.AllowAutoRedirect = false;
    }

    /// <summary>The same scheme, host and port: nothing less may see the token.</summary>
    private bool IsEndpoint(Uri address) => Uri.Compare(address, _options.Endpoint, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;

    private static Uri Target(Uri address, HttpResponseMessage response)
    {
        if (response.Headers.Location is not { } location)
            throw Unusable($"{address.Host} answered {(int)response.StatusCode} without saying where to go.");
        if (!Uri.TryCreate(address, location, out Uri? target))
            throw Unusable($"{address.Host} redirects to what is no address.");
        if (target.Scheme != Uri.UriSchemeHttps && (target.Scheme != Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps))
            throw Unusable($"{address.Host} redirects to an address that is not secure ({target.Scheme}://{target.Host}).");
        // A name and a password in it are for nobody here, and not for a message.
        return target.UserInfo.Length == 0 ? target : new UriBuilder(target) { UserName = "", Password = "" }.Uri;
    }

    private static HubFailure Unusable(string message) => new(new ModelOpsException(ErrorKind.NetworkFailure, message, "Check HF_ENDPOINT and the proxy."), isTransient: false);

    private async Task<string> ReadErrorAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            Stream body = await OpenBodyAsync(response, MaxErrorBody, mustFill: false, cancellationToken).ConfigureAwait(false);
            using var reader = new StreamReader(body);
            return await reader.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ModelOpsException)
        {
            // The status says enough; the text that would have explained it did not come through.
            return "";
        }
    }
}
