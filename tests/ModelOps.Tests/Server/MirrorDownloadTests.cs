using System.Security.Cryptography;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using ModelOps.Tests.Transfer.Faults;
using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Server;

/// <summary>What a mirror's downloads owe to the clients that wait for them.</summary>
public sealed class MirrorDownloadTests
{
    private const string Weights = $"{HubFixture.Llama}/resolve/main/model.safetensors";
    private const int Patience = 300_000;
    private static readonly byte[] Content = File.ReadAllBytes(HubFixture.LocalFile(HubFixture.Llama, "model.safetensors"));

    [Fact(Timeout = Patience)]
    public async Task ClientThatLeavesDoesNotStopTheDownload()
    {
        var gone = new TaskCompletionSource();
        await using MirrorFixture mirror = await MirrorFixture.StartAsync(upstream: async (context, next) =>
        {
            if (context.Request.Path.StartsWithSegments("/cdn"))
                await gone.Task;
            await next();
        });
        using (var leaves = new CancellationTokenSource())
        using (var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }))
        {
            Task asked = http.GetAsync(new Uri(mirror.Mirror.Endpoint, Weights), leaves.Token);
            await MirrorFixture.UntilAsync(() => mirror.Network.Requests.Any(request => request.IsContent));
            await leaves.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        }
        gone.SetResult();
        await MirrorFixture.UntilAsync(() => mirror.Store.Finished().Any(entry => entry.EndsWith("model.safetensors", StringComparison.Ordinal)));
        // The upstream counts what it has sent a moment after it arrived.
        await MirrorFixture.UntilAsync(() => mirror.UpstreamContentBytes >= Content.Length);
        Assert.Equal(Content.Length, mirror.UpstreamContentBytes);
    }

    /// <summary>What an earlier run left has its checksums, and is not what the hub has: the first client got it before that could be known.</summary>
    [Fact(Timeout = Patience)]
    public async Task WrongStartOfAnEarlierRunGetsNoEnd()
    {
        var begun = new TaskCompletionSource();
        await using MirrorFixture mirror = await MirrorFixture.StartAsync(upstream: async (context, next) =>
        {
            if (context.Request.Path.StartsWithSegments("/cdn"))
                await begun.Task;
            await next();
        });
        string etag = Convert.ToHexStringLower(SHA256.HashData(Content));
        string blobs = Path.Combine(mirror.Store.Directory, "models--" + HubFixture.Llama.Replace("/", "--", StringComparison.Ordinal), "blobs");
        Directory.CreateDirectory(blobs);
        using (PartialFile left = PartialFile.Open(Path.Combine(blobs, etag), etag, Content.Length, mirror.Store.Store.Options.Transfer))
            await left.WriteAsync(0, new byte[TempStore.ChunkBytes], TestContext.Current.CancellationToken);

        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
            using HttpResponseMessage answer = await http.GetAsync(new Uri(mirror.Mirror.Endpoint, Weights), HttpCompletionOption.ResponseHeadersRead);
            begun.SetResult();
            await answer.Content.ReadAsByteArrayAsync();
        });
        Assert.Equal(Content, await (await mirror.AskAsync(Weights)).Content.ReadAsByteArrayAsync());
        Assert.Contains(mirror.Log, line => line.EndsWith("what had arrived was wrong.", StringComparison.Ordinal));
    }

    [Fact(Timeout = Patience)]
    public async Task SmallFilesDoNotWaitForLargeOnes()
    {
        using var model = new RandomModel(20 << 20);
        var asked = new TaskCompletionSource();
        var open = new TaskCompletionSource();
        await using MirrorFixture mirror = await MirrorFixture.StartAsync(
            change: options => options with { MaxDownloads = 1 },
            upstream: async (context, next) =>
            {
                if (context.Request.Path.StartsWithSegments("/cdn"))
                {
                    asked.TrySetResult();
                    await open.Task;
                }
                await next();
            },
            directory: model.Directory);
        const string Files = $"{RandomModel.Repository}/resolve/main/";
        Task<HttpResponseMessage> large = mirror.AskAsync(Files + RandomModel.WeightsName);
        await asked.Task;
        Assert.Contains("llama", await (await mirror.AskAsync(Files + "config.json")).Content.ReadAsStringAsync());
        Assert.False(large.IsCompleted);
        open.SetResult();
        Assert.Equal(model.Sha256, Convert.ToHexStringLower(await SHA256.HashDataAsync(await (await large).Content.ReadAsStreamAsync())));
    }
}
