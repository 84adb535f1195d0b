using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ModelOps.Server;

/// <summary>Kestrel on an address, and nothing that reads appsettings.json, the environment or signals: a library must not listen where the environment says.</summary>
internal static class Listener
{
    /// <summary>The address to listen on that a text stands for.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static Uri Parse(string url) => Uri.TryCreate(url, UriKind.Absolute, out Uri? parsed) && parsed.Scheme == Uri.UriSchemeHttp && parsed.PathAndQuery == "/" && parsed.UserInfo.Length == 0
        ? parsed
        : throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{url}' is not an address to listen on.", "Write it as http://127.0.0.1:8080.");

    /// <summary>Starts to listen; <paramref name="map"/> adds what answers.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when the address makes no sense, <see cref="ErrorKind.NetworkFailure"/> when it is taken.</exception>
    public static async Task<(WebApplication Application, Uri Endpoint)> StartAsync(string url, Action<KestrelServerLimits> limit, Action<WebApplication> map, CancellationToken cancellationToken)
    {
        Parse(url);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls(url).ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            limit(kestrel.Limits);
        });
        builder.Services.AddRoutingCore();
        // The default lifetime would take Ctrl+C away from the process that hosts this server.
        builder.Services.AddSingleton<IHostLifetime, HostOwnedLifetime>();

        WebApplication application = builder.Build();
        try
        {
            map(application);
            await application.StartAsync(cancellationToken).ConfigureAwait(false);
            string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            return (application, new Uri(address));
        }
        catch (IOException e)
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw new ModelOpsException(ErrorKind.NetworkFailure, $"Cannot listen on {url}: {e.Message}", "Choose another port; port 0 takes a free one.", e);
        }
        catch
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private sealed class HostOwnedLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
