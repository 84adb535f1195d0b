using System.Net;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>Reading a blob while it is downloaded.</summary>
public sealed class WaitForTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Repository = HubFixture.Gemma;
    private const int Chunk = TempStore.ChunkBytes;
    private readonly TempStore _temp = new();
    private readonly byte[] _content = File.ReadAllBytes(HubFixture.LocalFile(Repository, "model.safetensors"));

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task AskedBytesComeFirstAndAreRight()
    {
        // Nothing arrives before the question is asked.
        using var open = new SemaphoreSlim(0);
        var network = new FaultHandler
        {
            Change = async (request, _, _) =>
            {
                if (request.IsContent)
                    await open.WaitAsync(TestContext.Current.CancellationToken);
            },
        };
        using HubClient client = hub.Client(network);
        BlobDownload download = await DownloadAsync(client, connections: 1);
        Task running = download.RunAsync(TestContext.Current.CancellationToken);
        Task asked = download.WaitForAsync(_content.Length - 100, _content.Length, TestContext.Current.CancellationToken);
        // One connection: its first request is under way; at its next chunk it leaves the rest for what is asked.
        open.Release(2);
        await asked;
        await using (FileStream partial = new(download.PartialPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
        {
            byte[] tail = new byte[100];
            partial.Position = _content.Length - 100;
            await partial.ReadExactlyAsync(tail, TestContext.Current.CancellationToken);
            Assert.Equal(_content[^100..], tail);
        }
        Assert.False(running.IsCompleted);
        Assert.Contains(network.Requests.Where(request => request.IsContent).Take(2), request => request.Range!.Ranges.Single().From == _content.Length / Chunk * Chunk);

        open.Release(1000);
        await running;
        await download.WaitForAsync(0, _content.Length, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task EveryReaderIsTold()
    {
        var network = new FaultHandler { Answer = (request, _) => request.IsResolve ? FaultHandler.Status(HttpStatusCode.Forbidden, "GatedRepo") : null };
        using HubClient client = hub.Client(network);
        BlobDownload download = await DownloadAsync(client, connections: 4);
        Task early = download.WaitForAsync(5, 10, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<ModelOpsException>(() => download.RunAsync(TestContext.Current.CancellationToken));
        foreach (Task wait in new[] { early, download.WaitForAsync(0, 1, TestContext.Current.CancellationToken) })
            Assert.Equal(ErrorKind.GatedRepository, (await Assert.ThrowsAsync<ModelOpsException>(() => wait)).Kind);
    }

    [Fact]
    public async Task RottenChunkOfAnEarlierRunIsNotGivenOut()
    {
        using HubClient client = hub.Client();
        PlannedFile file = await PlannedAsync(client);
        string blob = Blob(file);
        Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
        using (PartialFile left = PartialFile.Open(blob, file.ETag, file.Bytes, _temp.Store.Options.Transfer))
        {
            for (int chunk = 50; chunk < 60; chunk++)
                await left.WriteAsync(chunk, _content.AsMemory(chunk * Chunk, Chunk), TestContext.Current.CancellationToken);
        }
        using (FileStream rot = File.OpenWrite(BlobFiles.Partial(blob)))
        {
            rot.Position = (55 * Chunk) + 3;
            rot.WriteByte((byte)(_content[(55 * Chunk) + 3] ^ 1));
        }
        BlobDownload download = await DownloadAsync(client, connections: 2);
        Task running = download.RunAsync(TestContext.Current.CancellationToken);
        await download.WaitForAsync(55 * Chunk, 56 * Chunk, TestContext.Current.CancellationToken);
        await using (FileStream read = new(File.Exists(download.PartialPath) ? download.PartialPath : blob, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
        {
            byte[] chunk = new byte[Chunk];
            read.Position = 55 * Chunk;
            await read.ReadExactlyAsync(chunk, TestContext.Current.CancellationToken);
            Assert.Equal(_content[(55 * Chunk)..(56 * Chunk)], chunk);
        }
        await running;
        Assert.Equal(_content, File.ReadAllBytes(blob));
    }

    private string Blob(PlannedFile file) => Path.Combine(_temp.Directory, "models--o--r", "blobs", file.ETag);

    private async Task<PlannedFile> PlannedAsync(HubClient client) =>
        (await _temp.Store.PlanInstallAsync(client, Repository)).Files.Single(file => file.Path == "model.safetensors");

    private async Task<BlobDownload> DownloadAsync(HubClient client, int connections)
    {
        PlannedFile file = await PlannedAsync(client);
        Directory.CreateDirectory(Path.GetDirectoryName(Blob(file))!);
        var session = TransferSession.Start(_temp.Store.Options.Transfer with { Connections = connections }, file.Bytes, null, client.Options);
        return new BlobDownload(client.OpenFile(Repository, "main", file.Path), file, Blob(file), session);
    }
}
