using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ModelOps.Server;

/// <summary>
/// Serves a folder of repositories in the hub's own protocol: search, model info, trees, refs, and files with ranges and expiring links.
/// Any hub client works against it when its HF_ENDPOINT is <see cref="Endpoint"/>.
/// </summary>
public sealed class HubServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private HubServer(WebApplication application, Uri endpoint)
    {
        _application = application;
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

    /// <summary><paramref name="configure"/> adds middleware in front of the routes; tests put their faults there.</summary>
    internal static async Task<HubServer> StartAsync(HubServerOptions options, Action<IApplicationBuilder>? configure, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(options.Directory))
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no folder '{options.Directory}' to serve.", "Name a folder that holds repositories as org/repo/files.");
        if (!Uri.TryCreate(options.Url, UriKind.Absolute, out Uri? url) || url.Scheme != Uri.UriSchemeHttp)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{options.Url}' is not an address to listen on.", "Write it as http://127.0.0.1:8080.");

        // The empty builder reads neither appsettings.json nor ASPNETCORE_* variables: a library must not listen where the environment says.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls(options.Url).ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.Services.AddRoutingCore();
        // The default lifetime would take Ctrl+C away from the process that hosts this server.
        builder.Services.AddSingleton<IHostLifetime, HostOwnedLifetime>();

        WebApplication application = builder.Build();
        try
        {
            var catalog = new Catalog(options.Directory);
            var links = new SignedLinks(options.LinkLifetime, options.Time);
            configure?.Invoke(application);
            application.Use(new AccessCheck(options.Token).InvokeAsync);
            new ModelRoutes(catalog, options.PageSize).Map(application);
            new FileRoutes(catalog, links).Map(application);
            application.MapFallback(HubError.NotFound);
            await application.StartAsync(cancellationToken).ConfigureAwait(false);
            string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            return new HubServer(application, new Uri(address));
        }
        catch (IOException e)
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw new ModelOpsException(ErrorKind.NetworkFailure, $"Cannot listen on {options.Url}: {e.Message}", "Choose another port; port 0 takes a free one.", e);
        }
        catch
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stops; requests under way are cut.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
    }

    private sealed class HostOwnedLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
