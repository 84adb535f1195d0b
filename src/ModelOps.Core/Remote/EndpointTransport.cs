using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelOps.Hub;

namespace ModelOps.Remote;

/// <summary>
/// Sends requests to one server. Redirects lead nowhere but to the same scheme, host and port; what failed is tried again after a growing wait with a random part, or
/// after that which the server asks for, as long as nothing of an answer was given out. Where there was no connection to the last try, requests are tried once until there is one.
/// </summary>
internal sealed class EndpointTransport : IDisposable
{
    private const int MaxRedirects = 3;
    private const int MaxErrorBytes = 1 << 14;
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(0.5), LongestWait = TimeSpan.FromSeconds(8), LongestAskedWait = TimeSpan.FromMinutes(5);
    // Requests that come so soon after nobody was there are not sent.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(1);

    private readonly EndpointOptions _options;
    private readonly EndpointErrors _errors;
    private readonly HttpClient _http;
    private readonly string _base;
    private Unreachable? _unreachable;

    public EndpointTransport(EndpointOptions options, EndpointErrors errors)
    {
        _options = options;
        _errors = errors;
        _base = EndpointAddress.Base(options.Address);
        if (options.ApiKey is { } key && key.Any(c => c is <= ' ' or > '~'))
        {
            throw new ModelOpsException(ErrorKind.Unauthorized, "The API key contains a space or a character that no key has.", "It may have been pasted with a line break or quotes.");
        }
        if (options.ApiKey is not null && options.Address.Scheme == Uri.UriSchemeHttp && !options.Address.IsLoopback)
        {
            options.Notify?.Invoke($"The API key travels unencrypted to {options.Address.Authority}: whoever is on the way can read it. Use https, or a tunnel.");
        }
        HttpMessageHandler handler = options.CreateHandler?.Invoke() ?? new SocketsHttpHandler
        {
            UseCookies = false,
            ConnectTimeout = options.ConnectTimeout,
            MaxConnectionsPerServer = options.MaxConnections,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            Proxy = new RemoteOnlyProxy(HttpClient.DefaultProxy),
        };
        HubTransport.StopRedirects(handler);
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Asks and reads the answer, again where that may help.</summary>
    /// <param name="path">What is asked, such as <c>chat/completions</c>.</param>
    /// <param name="body">The request; null for a GET.</param>
    /// <param name="read">Reads the answer, each time anew.</param>
    /// <param name="givenOut">Whether something of an answer was given out, so that it cannot be asked for again.</param>
    /// <param name="cancellationToken">Ends it, and with it the request at the server.</param>
    /// <exception cref="ModelOpsException">When no retry helps.</exception>
    public async Task<T> SendAsync<T>(string path, JsonObject? body, Func<HttpResponseMessage, EventReader, CancellationToken, Task<T>> read, Func<bool> givenOut, CancellationToken cancellationToken)
    {
        // Nobody was there to the last try: a thousand prompts need not find that out one after the other.
        Unreachable? before = _unreachable;
        if (before is not null && _options.Time.GetElapsedTime(before.At) < Silence)
        {
            throw new ModelOpsException(before.Error.Kind, before.Error.Message, before.Error.Hint, before.Error);
        }
        int attempts = before is null ? _options.Attempts : 1;
        byte[]? content = body is null ? null : JsonSerializer.SerializeToUtf8Bytes(body, EndpointJson.Default.JsonObject);
        for (int attempt = 1; ; attempt++)
        {
            EndpointFailure failure;
            try
            {
                return await SendOnceAsync(new Uri($"{_base}/{path}"), content, read, cancellationToken).ConfigureAwait(false);
            }
            catch (EndpointFailure caught)
            {
                failure = caught;
            }
            if (!failure.IsTransient || attempt >= attempts || givenOut() || failure.Wait > LongestAskedWait)
            {
                if (failure.IsUnheard)
                {
                    _unreachable = new Unreachable(failure.Error, _options.Time.GetTimestamp());
                }
                throw failure.Error;
            }
            // Half of the wait is certain, so that a crowd does not come back at once; half is chance, so that it does not come back together.
            TimeSpan backoff = TimeSpan.FromTicks(Math.Min(FirstWait.Ticks << (attempt - 1), LongestWait.Ticks));
            TimeSpan wait = failure.Wait ?? (backoff / 2 + backoff / 2 * _options.Jitter());
            _options.Notify?.Invoke($"{failure.Error.Message} Trying again in {wait.TotalSeconds:0.#} s ({attempt} of {attempts - 1}).");
            await Task.Delay(wait, _options.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<T> SendOnceAsync<T>(Uri address, byte[]? content, Func<HttpResponseMessage, EventReader, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        for (int hop = 0; ; hop++)
        {
            using HttpResponseMessage response = await SendToAsync(address, content, cancellationToken).ConfigureAwait(false);
            _unreachable = null;
            using EventReader reader = new(await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), _errors, _options.StallTimeout, _options.MostBytes);
            int status = (int)response.StatusCode;
            if (status is >= 200 and < 300)
            {
                return await read(response, reader, cancellationToken).ConfigureAwait(false);
            }
            if (status >= 400)
            {
                throw _errors.From(response, await ErrorTextAsync(reader, cancellationToken).ConfigureAwait(false));
            }
            Uri? target = response.Headers.Location is { } location && Uri.TryCreate(address, location, out Uri? whole) ? whole : null;
            // 307 and 308 keep the request as it is; the others would make a GET of it.
            bool keeps = content is null || response.StatusCode is HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;
            if (target is null || !keeps || hop == MaxRedirects || Uri.Compare(target, address, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) != 0)
            {
                throw _errors.Redirect(response, target);
            }
            address = target;
        }
    }

    private async Task<HttpResponseMessage> SendToAsync(Uri address, byte[]? content, CancellationToken cancellationToken)
    {
        using HttpRequestMessage message = new(content is null ? HttpMethod.Get : HttpMethod.Post, address);
        if (content is not null)
        {
            message.Content = new ByteArrayContent(content);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }
        if (_options.ApiKey is { } key)
        {
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
        using CancellationTokenSource stall = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stall.CancelAfter(_options.StallTimeout);
        try
        {
            return await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, stall.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw stall.IsCancellationRequested ? _errors.Silent() : _errors.Unconnected(exception);
        }
        catch (HttpRequestException exception)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw _errors.From(exception, address);
        }
    }

    private static async Task<string> ErrorTextAsync(EventReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.BeginningAsync(MaxErrorBytes, cancellationToken).ConfigureAwait(false);
        }
        catch (EndpointFailure)
        {
            // The status says enough; the text that would have explained it did not come through.
            return "";
        }
    }

    /// <summary>That nobody was there, and when.</summary>
    private sealed record Unreachable(ModelOpsException Error, long At);
}
