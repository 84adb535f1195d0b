using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using ModelOps.Store;

namespace ModelOps.Server;

/// <summary>
/// Serves repositories in the hub's own protocol: search, model info, trees, refs, and files with ranges and expiring links; those of a plain folder, or
/// those of a store with a hub behind it. Any hub client works against it when its HF_ENDPOINT is <see cref="Endpoint"/>.
/// </summary>
public sealed class HubServer : IAsyncDisposable
{
    private const long MaxRequestBytes = 1 << 20;
    private const int MaxConnections = 1000;

    private readonly WebApplication _application;
    private readonly ReadThroughStore? _store;

    private HubServer(WebApplication application, ReadThroughStore? store, Uri endpoint)
    {
        _application = application;
        _store = store;
        Endpoint = endpoint;
    }

    /// <summary>The address it listens on, for HF_ENDPOINT.</summary>
    public Uri Endpoint { get; }

    /// <summary>Starts to listen.</summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.FileNotFound"/> when there is no such folder, <see cref="ErrorKind.InvalidArgument"/> when the address makes no sense,
    /// <see cref="ErrorKind.NetworkFailure"/> when it is taken.
    /// </exception>
    public static Task<HubServer> StartAsync(HubServerOptions options, CancellationToken cancellationToken = default) => StartAsync(options, null, cancellationToken);

    /// <summary>Starts a mirror: serves a store, and through it a hub.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/> when there is no such store and no upstream to fill one; the others as above.</exception>
    public static async Task<HubServer> StartAsync(MirrorOptions options, CancellationToken cancellationToken = default)
    {
        if (options.Upstream is null && !Directory.Exists(options.Store.Directory))
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no store '{options.Store.Directory}' to serve.", "Name one with --store, or give an upstream to fill it from.");
        var store = new ReadThroughStore(new ReadThroughOptions
        {
            Store = options.Store,
            Upstream = options.Upstream,
            ServesRestricted = options.Token is not null,
            FreshFor = options.FreshFor,
            MaxDownloads = options.MaxDownloads,
            Remark = options.Remark,
        });
        try
        {
            HubServer server = await StartAsync(options, new StoreSource(store), store, null, cancellationToken).ConfigureAwait(false);
            if (options.Upstream is not { Endpoint: var upstream } || upstream.Port != server.Endpoint.Port || !(upstream.IsLoopback || upstream.Host == server.Endpoint.Host))
                return server;
            await server._application.DisposeAsync().ConfigureAwait(false);
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{upstream} is the mirror itself.", "Name the hub behind it as upstream, and set HF_ENDPOINT for clients only.");
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary><paramref name="configure"/> adds middleware in front of the routes; tests put their faults there.</summary>
    internal static Task<HubServer> StartAsync(HubServerOptions options, Action<IApplicationBuilder>? configure, CancellationToken cancellationToken) => Directory.Exists(options.Directory)
        ? StartAsync(options, new FolderSource(options.Directory), null, configure, cancellationToken)
        : throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no folder '{options.Directory}' to serve.", "Name a folder that holds repositories as org/repo/files.");

    private static async Task<HubServer> StartAsync(ListenOptions options, IRepositorySource source, ReadThroughStore? store, Action<IApplicationBuilder>? configure, CancellationToken cancellationToken)
    {
        (WebApplication application, Uri endpoint) = await Listener.StartAsync(options.Url, limits =>
        {
            limits.MaxRequestBodySize = MaxRequestBytes;
            limits.MaxConcurrentConnections = MaxConnections;
        }, application =>
        {
            var links = new SignedLinks(options.LinkLifetime, options.Time);
            configure?.Invoke(application);
            application.Use(BehindProxyAsync);
            if (options.AccessLog is { } log)
                application.Use(new AccessLog(log, options.Time).InvokeAsync);
            application.Use(HubError.CatchAsync);
            application.Use(new AccessCheck(options.Token).InvokeAsync);
            new ModelRoutes(source, options.PageSize).Map(application);
            new FileRoutes(source, links).Map(application);
            application.MapFallback(HubError.NotFound);
        }, cancellationToken).ConfigureAwait(false);
        return new HubServer(application, store, endpoint);
    }

    /// <summary>Stops; requests under way are cut, downloads from upstream keep what they have.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
        if (_store is not null)
            await _store.DisposeAsync().ConfigureAwait(false);
    }

    // Behind a proxy with TLS the links must say https too, or clients refuse to follow them. Whoever lies about it changes only his own links.
    private static Task BehindProxyAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Headers["X-Forwarded-Proto"] == "https")
            context.Request.Scheme = Uri.UriSchemeHttps;
        return next(context);
    }
}
