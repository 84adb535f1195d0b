using System.Net;
using System.Security.Cryptography;
using ModelOps.Server;
using ModelOps.Tests.Cli;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Transfer.Faults;
using Xunit;

namespace ModelOps.Tests.Server;

/// <summary>A mirror that is killed, that is not alone with its store, and whose disk is full.</summary>
public sealed class MirrorProcessTests : IDisposable
{
    private const int Patience = 300_000;
    private const int Megabyte = 1 << 20;
    private const string Weights = $"{RandomModel.Repository}/resolve/main/{RandomModel.WeightsName}";
    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });

    public void Dispose()
    {
        _folder.Dispose();
        _http.Dispose();
    }

    [Fact(Timeout = Patience)]
    public async Task KilledMirrorContinues()
    {
        using var model = new RandomModel(96 * Megabyte);
        await using FaultServer upstream = await FaultServer.StartAsync(model.Directory);
        // Slow enough that what was sent has arrived.
        upstream.Fault = NetworkFaults.Paced(12 * Megabyte).OnContent();
        await using (MirrorProcess first = await MirrorProcess.StartAsync(_folder.Path, upstream.Endpoint))
        {
            upstream.Sent = sent =>
            {
                if (sent >= 48 * Megabyte)
                    first.Kill();
            };
            await Assert.ThrowsAnyAsync<Exception>(() => DigestAsync(first));
        }
        upstream.Sent = null;
        long sentBefore = upstream.ContentBytes;
        upstream.Forget();
        upstream.Fault = null;
        await using MirrorProcess second = await MirrorProcess.StartAsync(_folder.Path, upstream.Endpoint);
        Assert.Equal(model.Sha256, await DigestAsync(second));
        // A kill costs, on each of at most 16 connections, the chunk of 1 MiB that was under way and what its socket held; without a memory, 48 MiB.
        Assert.InRange(sentBefore + upstream.ContentBytes, model.Bytes, model.Bytes + 40 * Megabyte);
    }

    [Fact(Timeout = Patience)]
    public async Task MirrorAndPullOfTheSameStoreAreOneDownload()
    {
        using var model = new RandomModel(64 * Megabyte);
        await using FaultServer upstream = await FaultServer.StartAsync(model.Directory);
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int listings = 0;
        // Nothing comes before the mirror downloads and the other process has planned to.
        upstream.Fault = async request =>
        {
            if (request.Path.Contains("/tree/", StringComparison.Ordinal) && Interlocked.Increment(ref listings) == 2)
                open.TrySetResult();
            if (request.IsContent)
            {
                begun.TrySetResult();
                await open.Task.WaitAsync(request.Context.RequestAborted);
            }
            return false;
        };
        await using MirrorProcess mirror = await MirrorProcess.StartAsync(_folder.Path, upstream.Endpoint);
        Task<string> client = DigestAsync(mirror);
        await begun.Task;
        await using var pull = new PullProcess(_folder.Path, upstream.Endpoint);
        PullProcess.AssertInstalled(await pull.EndAsync(), model);
        Assert.Equal(model.Sha256, await client);
        // The chunks of a connection that falls behind on a busy machine are asked for again; a second download would be the model again.
        Assert.InRange(upstream.ContentBytes, model.Bytes, model.Bytes * 3 / 2);
    }

    [Fact(Timeout = Patience)]
    public async Task FullDiskEndsTheAnswerNotTheMirror()
    {
        using SmallDisk disk = SmallDisk.Mount(16);
        using var model = new RandomModel(32 * Megabyte);
        // The system does not say how much is free, so that the mirror learns it from a write.
        await using MirrorFixture mirror = await MirrorFixture.StartAsync(
            change: options => options with { Store = options.Store with { Directory = disk.Path, Transfer = options.Store.Transfer with { FreeBytes = _ => null } } },
            directory: model.Directory);
        await Assert.ThrowsAnyAsync<Exception>(() => mirror.AskAsync(Weights));
        Assert.Contains(mirror.Remarks, remark => remark.Contains("The disk filled up", StringComparison.Ordinal));
        using (HttpResponseMessage end = await mirror.AskAsync(Weights, range: (model.Bytes - 100, model.Bytes - 1)))
        {
            Assert.Equal(HttpStatusCode.InsufficientStorage, end.StatusCode);
            Assert.Contains("disk", end.Headers.GetValues("X-Error-Message").Single());
        }
        Assert.Equal(HttpStatusCode.OK, (await mirror.AskAsync($"api/models/{RandomModel.Repository}")).StatusCode);

        disk.Resize(64);
        Assert.Equal(model.Sha256, Convert.ToHexStringLower(SHA256.HashData(await (await mirror.AskAsync(Weights)).Content.ReadAsByteArrayAsync())));
    }

    /// <summary>HF_TOKEN is for the hub of HF_ENDPOINT, which this upstream is not.</summary>
    [Theory(Timeout = Patience)]
    [InlineData("MODELOPS_UPSTREAM_TOKEN", HttpStatusCode.OK)]
    [InlineData("HF_TOKEN", HttpStatusCode.NotFound)]
    public async Task UpstreamHasATokenOfItsOwn(string variable, HttpStatusCode expected)
    {
        await using HubServer upstream = await HubServer.StartAsync(new HubServerOptions { Directory = TestPaths.DemoHub, Token = "upstreams-own" });
        await using MirrorProcess mirror = await MirrorProcess.StartAsync(_folder.Path, upstream.Endpoint, ("HF_TOKEN", "hf_another"), (variable, "upstreams-own"));
        using HttpResponseMessage answer = await _http.GetAsync(new Uri(mirror.Endpoint, $"{HubFixture.Llama}/resolve/main/config.json"));
        Assert.Equal(expected, answer.StatusCode);
    }

    private async Task<string> DigestAsync(MirrorProcess mirror)
    {
        await using Stream stream = await _http.GetStreamAsync(new Uri(mirror.Endpoint, Weights));
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream));
    }
}
