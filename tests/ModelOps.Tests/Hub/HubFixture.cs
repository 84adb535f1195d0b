using ModelOps.Server;
using Xunit;

namespace ModelOps.Tests.Hub;

/// <summary>The demo repositories, served; shared by the tests of a class.</summary>
public sealed class HubFixture : IAsyncLifetime
{
    public const string Gemma = "modelops/demo-gemma-qat";
    public const string Llama = "modelops/demo-llama";

    private HubServer? _server;

    public Uri Endpoint => _server!.Endpoint;

    public static string LocalFile(string repository, string path) => Path.Combine(TestPaths.DemoHub, repository.Replace('/', Path.DirectorySeparatorChar), path);

    /// <summary>A client whose requests go through <paramref name="handler"/>, and whose waits are over at once.</summary>
    public HubClient Client(FaultHandler? handler = null, Func<HubOptions, HubOptions>? change = null)
    {
        var options = new HubOptions { Endpoint = Endpoint, Time = new FakeTime() };
        if (handler is not null)
            options = options with { CreateHandler = () => handler };
        return new HubClient(change is null ? options : change(options));
    }

    public async ValueTask InitializeAsync() => _server = await HubServer.StartAsync(new HubServerOptions { Directory = TestPaths.DemoHub });

    public async ValueTask DisposeAsync() => await _server!.DisposeAsync();
}
