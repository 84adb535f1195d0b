using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ModelOps.Server.Inference;

/// <summary>
/// Serves models in OpenAI's protocol (chat, completions, embeddings, reranking), with a page to chat, health and metrics. Several models, each in a process of its own, come and go
/// as they are asked for; requests take fair turns.
/// </summary>
public sealed class InferenceServer : IAsyncDisposable
{
    private const int MaxConnections = 1000;
    private const string AnyPath = "{**path}";
    private static readonly TimeSpan LastBytes = TimeSpan.FromSeconds(5);
    // What a timer takes.
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(49);

    private readonly WebApplication _application;
    private readonly ModelResidence _residence;
    private readonly CancellationTokenSource _ending;
    private readonly State _state;
    private bool _disposed;

    private InferenceServer(WebApplication application, Uri endpoint, ModelResidence residence, CancellationTokenSource ending, State state)
    {
        _application = application;
        _residence = residence;
        _ending = ending;
        _state = state;
        Endpoint = endpoint;
    }

    /// <summary>The address it listens on; clients append <c>/v1</c>.</summary>
    public Uri Endpoint { get; }

    /// <summary>Starts to listen; no model is loaded before it is asked for.</summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InvalidArgument"/> for options that make no sense, above all an address that others reach without a key; <see cref="ErrorKind.NetworkFailure"/>
    /// when the address is taken.
    /// </exception>
    public static async Task<InferenceServer> StartAsync(InferenceOptions options, CancellationToken cancellationToken = default)
    {
        bool loopback = BrowserCheck.IsLoopback(Listener.Parse(options.Url).Host);
        Check(options, loopback);
        var metrics = new ServerMetrics(options.Time);
        var residence = new ModelResidence(options, metrics);
        var ending = new CancellationTokenSource();
        var state = new State();
        try
        {
            (WebApplication application, Uri endpoint) = await Listener.StartAsync(options.Url, limits =>
            {
                limits.MaxRequestBodySize = options.MaxBodyBytes;
                limits.MaxConcurrentConnections = MaxConnections;
            }, application =>
            {
                if (options.AccessLog is { } log)
                    application.Use(new AccessLog(log, options.Time).InvokeAsync);
                application.Use((context, next) => MeasureAsync(context, next, metrics, options.Time));
                application.Use((context, next) => ApiError.CatchAsync(context, next, options.Remark));
                application.Use(new BrowserCheck(loopback, options.Origins).InvokeAsync);
                application.Use(new KeyCheck(options.Keys).InvokeAsync);
                var catalog = new ModelCatalog(residence.Models);
                PageRoutes.Map(application);
                new StatusRoutes(options, catalog, residence, metrics, () => state.IsEnding).Map(application);
                var calls = new ModelCalls(options, catalog, residence, ending.Token);
                new GenerationRoutes(options, calls, metrics).Map(application);
                new EmbeddingRoute(options, calls, metrics).Map(application);
                new RerankRoute(options, calls, metrics).Map(application);
                application.MapFallback(AnyPath, ApiError.NoRoute.ExecuteAsync);
            }, cancellationToken).ConfigureAwait(false);
            return new InferenceServer(application, endpoint, residence, ending, state);
        }
        catch
        {
            await residence.DisposeAsync().ConfigureAwait(false);
            ending.Dispose();
            throw;
        }
    }

    /// <summary>Refuses new requests and those that wait, and lets those that are being answered finish for so long; what is not done by then is broken off.</summary>
    public async Task DrainAsync(TimeSpan patience)
    {
        _state.IsEnding = true;
        Task done = _residence.CloseAsync();
        if (await Task.WhenAny(done, Task.Delay(patience)).ConfigureAwait(false) != done)
            await _ending.CancelAsync().ConfigureAwait(false);
        await done.ConfigureAwait(false);
    }

    /// <summary>Ends the server and unloads its models; requests under way are broken off, unless <see cref="DrainAsync"/> waited for them.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        await DrainAsync(TimeSpan.Zero).ConfigureAwait(false);
        using (var patience = new CancellationTokenSource(LastBytes))
            await _application.StopAsync(patience.Token).ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
        await _residence.DisposeAsync().ConfigureAwait(false);
        _ending.Dispose();
    }

    private static void Check(InferenceOptions options, bool loopback)
    {
        Require(options.Models.Count > 0, "There is no model to serve.", "Name one, or install one: modelops pull org/repo");
        string? twice = options.Models.GroupBy(model => model.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1)?.Key;
        Require(twice is null, $"Two models are called '{twice}'.", "Give one of them a name of its own: NAME=MODEL.");
        Require(loopback || options.Keys.Count > 0, $"{options.Url} can be reached by others, and the server has no key to keep them out.", "Give it keys, or listen on http://127.0.0.1.");
        // An empty key must not open the server to everybody.
        Require(options.Keys.All(key => key.Length > 0 && key.All(c => c is > ' ' and <= '~')), "A key is empty, or has a character that no key has.", "Use letters, digits and the like, without spaces.");
        Require(options.Origins.All(origin => origin == "*" || (Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) && !origin.EndsWith('/') && uri.PathAndQuery is "/" or "")), "An origin is not one.", "Write it as a browser does: https://chat.example.com, or * for every page.");
        Require(options.Parallel >= 1 && options.Queue >= 0 && options.MaxBodyBytes >= 1 && options.MaxPromptLength >= 1 && options.MaxTokens is null or >= 1, "Limits are numbers from 1 on; a queue may be of 0.", null);
        Require(options.Timeout > TimeSpan.Zero && options.Timeout <= LongestTimeout, $"The time of a request is longer than nothing, and {LongestTimeout.TotalDays:0} days at most.", null);
        Require(options.Idle is null || options.Idle > TimeSpan.Zero, "A model stays for longer than nothing.", null);
    }

    private static void Require(bool condition, string message, string? hint)
    {
        if (!condition)
            throw new ModelOpsException(ErrorKind.InvalidArgument, message, hint);
    }

    private static async Task MeasureAsync(HttpContext context, RequestDelegate next, ServerMetrics metrics, TimeProvider time)
    {
        long came = time.GetTimestamp();
        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            // Routes of ours only: what others call them must not fill the memory.
            string route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText is { } pattern && pattern != AnyPath ? pattern : "other";
            int status = context.RequestAborted.IsCancellationRequested ? StatusCodes.Status499ClientClosedRequest : context.Response.StatusCode;
            metrics.Finished(route, status, time.GetElapsedTime(came));
        }
    }

    private sealed class State
    {
        public volatile bool IsEnding;
    }
}
