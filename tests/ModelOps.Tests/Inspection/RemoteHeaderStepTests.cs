using System.Net;
using ModelOps.Formats;
using ModelOps.Server;
using ModelOps.Tests.Conversion;
using ModelOps.Tests.Hub;
using Xunit;

namespace ModelOps.Tests.Inspection;

/// <summary>How much of a file is asked for to have its header.</summary>
public sealed class RemoteHeaderStepTests : IAsyncLifetime
{
    private const string Repository = "lab/models";
    private const int MiB = 1 << 20;
    private readonly TemporaryFolder _folder = new();
    private HubServer? _server;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(_folder.File("hub/lab/models"));
        _server = await HubServer.StartAsync(new HubServerOptions { Directory = _folder.File("hub") });
    }

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task StepsGrowAsFarAsTheHeaderGoes()
    {
        Write("m-Q8_0-00001-of-00003.gguf", 0, vocabulary: 250_000); // some 5 MB
        Write("m-Q8_0-00002-of-00003.gguf", 1);
        Write("m-Q8_0-00003-of-00003.gguf", 2);
        var network = new FaultHandler();
        var shape = await ReadAsync(network);
        Assert.Equal((3, 250_000), (shape.Layers, shape.VocabularySize));
        var asked = network.Requests.Where(request => request.IsContent).Select(request => Assert.Single(request.Range!.Ranges)).Select(range => (range.From!.Value, range.To!.Value + 1));
        Assert.Equal([(0, 64 << 10), (0, 64 << 10), (0, MiB), (MiB, 4 * MiB), (4 * MiB, 16 * MiB)], asked.Order());
        // The link is remembered: the hub is asked for each file once.
        Assert.Equal(3, network.Requests.Count(request => request.IsResolve));
    }

    [Fact]
    public async Task ServerThatIgnoresRangesIsReadFromTheStart()
    {
        Write("m-Q8_0.gguf", 0, vocabulary: 100_000, layers: 1, shards: 1);
        var bytes = await File.ReadAllBytesAsync(_folder.File("hub/lab/models/m-Q8_0.gguf"), Cancellation);
        var network = new FaultHandler { Answer = (request, _) => request.IsContent ? new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(bytes) } : null };
        Assert.Equal(100_000, (await ReadAsync(network)).VocabularySize);
    }

    [Fact]
    public async Task HeaderWithoutEndIsRefusedAfter64MiB()
    {
        // One array of bytes that the file has, zeros all of them.
        var bytes = new Formats.GgufBytes(keys: 1).Key("a", 9).U32(0).U64(80UL << 20).ToArray();
        using (var file = File.Create(_folder.File("hub/lab/models/m-Q8_0.gguf")))
        {
            file.Write(bytes);
            file.SetLength(100 << 20);
        }
        var network = new FaultHandler();
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => ReadAsync(network));
        Assert.Equal(ErrorKind.CorruptFile, error.Kind);
        Assert.Contains("longer than 67,108,864 bytes", error.Message);
        Assert.Equal(64 * MiB, network.AskedBytes);
    }

    [Fact]
    public async Task ManyLongHeadersAreRefusedTogether()
    {
        const int Shards = 12;
        for (var shard = 0; shard < Shards; shard++)
        {
            var bytes = new Formats.GgufBytes(keys: 1).Key("a", 9).U32(0).U64(15UL << 20).ToArray();
            using var file = File.Create(_folder.File($"hub/lab/models/m-Q8_0-{shard + 1:00000}-of-{Shards:00000}.gguf"));
            file.Write(bytes);
            file.SetLength(20 << 20);
        }
        var network = new FaultHandler();
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => ReadAsync(network));
        Assert.Equal(ErrorKind.CorruptFile, error.Kind);
        Assert.Contains("128 MiB together", error.Message);
        Assert.InRange(network.AskedBytes, 0, 128 * MiB);
    }

    [Theory]
    [InlineData("split.no", "its split.no is 7")]
    [InlineData("split.count", "its split.count is 7")]
    [InlineData("split.tensors.count", "its split.tensors.count is 7")]
    [InlineData(null, "'token_embd.weight' is in another shard as well")]
    public async Task ShardsThatDoNotBelongTogetherAreRefused(string? key, string message)
    {
        Write("m-Q8_0-00001-of-00002.gguf", 0, layers: 1, shards: 2);
        Write("m-Q8_0-00002-of-00002.gguf", key is null ? 0 : 1, layers: 1, shards: 2, lie: key ?? "split.no", said: key is null ? 1 : 7);
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => ReadAsync(new FaultHandler()));
        Assert.Equal(ErrorKind.CorruptFile, error.Kind);
        Assert.Contains(message, error.Message);
    }

    private async Task<ModelShape> ReadAsync(FaultHandler network)
    {
        using var hub = new HubClient(new HubOptions { Endpoint = _server!.Endpoint, CreateHandler = () => network });
        return await ModelShapeReader.ReadAsync(hub, Assert.Single(await hub.GetVariantsAsync(Repository, cancellationToken: Cancellation)), cancellationToken: Cancellation);
    }

    /// <summary>A shard with one layer; the first has the vocabulary.</summary>
    private void Write(string name, int shard, int vocabulary = 100, int layers = 3, int shards = 3, string? lie = null, int said = 0)
    {
        var metadata = new GgufMetadata();
        if (shard == 0)
        {
            metadata.Set("general.architecture", "llama");
            metadata.Set("llama.block_count", (uint)layers);
            metadata.Set("llama.embedding_length", 32u);
            metadata.Set("llama.context_length", 64u);
            metadata.Set("llama.attention.head_count", 2u);
            metadata.Set("tokenizer.ggml.tokens", Enumerable.Range(0, vocabulary).Select(token => $"token {token}").ToArray());
        }
        metadata.Set("split.no", (ushort)shard);
        metadata.Set("split.count", (ushort)shards);
        if (lie is not null)
            metadata.Set(lie, (ushort)said);
        GgufTensorSpec[] tensors = [.. shard == 0 ? [new GgufTensorSpec("token_embd.weight", GgmlType.F32, [32, vocabulary])] : Array.Empty<GgufTensorSpec>(), new($"blk.{shard}.ffn_up.weight", GgmlType.Q8_0, [32, 64])];
        var layout = GgufLayout.Create(metadata, tensors);
        using var file = File.Create(_folder.File($"hub/lab/models/{name}"));
        file.Write(layout.Header.Span);
        // Longer than any step: bytes behind the last tensor are nobody's.
        file.SetLength(layout.FileBytes + (20 << 20));
    }
}
