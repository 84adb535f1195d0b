using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using ModelOps.Server;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using Xunit;

namespace ModelOps.Tests.Server;

/// <summary>A hub of the demo's repositories, and a mirror of it with a store of its own; what the mirror asks the hub is counted.</summary>
internal sealed class MirrorFixture : IAsyncDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = true, UseProxy = false });
    private HubServer? _upstream;

    private MirrorFixture(FaultHandler network) => Network = network;

    /// <summary>Between the mirror and its upstream.</summary>
    public FaultHandler Network { get; }

    public TempStore Store { get; } = new();

    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>What upstream sent, by its own count.</summary>
    public ConcurrentQueue<string> UpstreamLog { get; } = new();

    /// <summary>Bytes of content that upstream sent.</summary>
    public long UpstreamContentBytes => UpstreamLog.Select(line => line.Split(' ')).Where(parts => parts[2].StartsWith("/cdn/", StringComparison.Ordinal)).Sum(parts => long.Parse(parts[4], System.Globalization.CultureInfo.InvariantCulture));

    public ConcurrentQueue<string> Remarks { get; } = new();

    public HubServer Mirror { get; private set; } = null!;

    public Uri Upstream => _upstream!.Endpoint;

    /// <summary>Waits: what a mirror does is done a moment after its client has the last byte, and what its upstream sent is counted then. The test's time limit ends it.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(10, TestContext.Current.CancellationToken);
    }

    public static async Task<MirrorFixture> StartAsync(FaultHandler? network = null, Func<MirrorOptions, MirrorOptions>? change = null, Func<HttpContext, Func<Task>, Task>? upstream = null, string? directory = null)
    {
        var fixture = new MirrorFixture(network ?? new FaultHandler());
        fixture._upstream = await HubServer.StartAsync(
            new HubServerOptions { Directory = directory ?? TestPaths.DemoHub, AccessLog = fixture.UpstreamLog.Enqueue },
            upstream is null ? null : application => application.Use((context, next) => upstream(context, () => next(context))),
            CancellationToken.None);
        await fixture.RestartAsync(change);
        return fixture;
    }

    public async Task RestartAsync(Func<MirrorOptions, MirrorOptions>? change = null)
    {
        if (Mirror is not null)
            await Mirror.DisposeAsync();
        var options = new MirrorOptions
        {
            Store = Store.Store.Options,
            Upstream = new HubOptions { Endpoint = Upstream, Token = "hf_mirrors_own", CreateHandler = () => new Passing(Network), StallTimeout = TimeSpan.FromSeconds(20) },
            AccessLog = Log.Enqueue,
            Remark = Remarks.Enqueue,
        };
        Mirror = await HubServer.StartAsync(change is null ? options : change(options));
    }

    public async Task StopUpstreamAsync() => await _upstream!.DisposeAsync();

    public HubClient Client(string? token = null) => new(new HubOptions { Endpoint = Mirror.Endpoint, Token = token, Time = new FakeTime() });

    public async Task<HttpResponseMessage> AskAsync(string path, HttpMethod? method = null, (long From, long To)? range = null, string? token = null, bool follow = true)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, new Uri(Mirror.Endpoint, path));
        if (range is var (from, to))
            request.Headers.Range = new System.Net.Http.Headers.RangeHeaderValue(from, to);
        if (token is not null)
            request.Headers.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", token);
        if (follow)
            return await _http.SendAsync(request);
        using var direct = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false });
        return await direct.SendAsync(request);
    }

    public async ValueTask DisposeAsync()
    {
        await Mirror.DisposeAsync();
        await _upstream!.DisposeAsync();
        _http.Dispose();
        Store.Dispose();
    }

    // The client disposes its handler with itself; the counts are wanted longer, and by the next mirror too.
    private sealed class Passing(HttpMessageHandler inner) : HttpMessageHandler
    {
        private readonly HttpMessageInvoker _inner = new(inner, disposeHandler: false);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => _inner.SendAsync(request, cancellationToken);
    }
}
