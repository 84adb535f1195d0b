using System.Text.Json;
using ModelOps.Inspection;
using ModelOps.Server;
using ModelOps.Tests.Conversion;
using ModelOps.Tests.Hub;
using Xunit;

namespace ModelOps.Tests.Inspection;

public sealed class ShapeCacheTests : IAsyncLifetime
{
    private const string Repository = "lab/llama";
    private readonly TemporaryFolder _folder = new();
    private HubServer? _server;

    private string CacheFolder => _folder.File("cache");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(_folder.File("hub/lab/llama"));
        File.Copy(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), _folder.File("hub/lab/llama/llama-BF16.gguf"));
        _server = await HubServer.StartAsync(new HubServerOptions { Directory = _folder.File("hub") });
    }

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task SecondFitCostsOneQuestion_OfACommitNone_OfflineNone()
    {
        var (first, many) = await FindAsync();
        Assert.True(many > 1, $"{many} requests");
        var (second, one) = await FindAsync();
        Assert.Equal(1, one);
        var (third, none) = await FindAsync(revision: first.Commit);
        Assert.Equal(0, none);
        var (fourth, offline) = await FindAsync(change: options => options with { Offline = true });
        Assert.Equal(0, offline);
        Assert.All([second, third, fourth], shape => Assert.Equal(Text(first), Text(shape)));
        Assert.Equal(Text(ModelShapeReader.Read(_folder.File("hub/lab/llama/llama-BF16.gguf"), ModelKind.Gguf, $"{Repository}:BF16")), Text(fourth.Shape));
    }

    [Fact]
    public async Task OfflineWithoutARecordSaysSo()
    {
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => FindAsync(change: options => options with { Offline = true }));
        Assert.Equal(ErrorKind.Offline, error.Kind);
    }

    /// <summary>The files of a gated repository are not everybody's, though its list is: what one token was shown, another has to ask for.</summary>
    [Fact]
    public async Task AnotherTokenIsShownNothingThatItDidNotAskFor()
    {
        var (first, asked) = await FindAsync(change: options => options with { Token = "hf_one" });
        Assert.Equal(asked, (await FindAsync(change: options => options with { Token = "hf_two" })).Requests);
        Assert.Equal(asked, (await FindAsync(revision: first.Commit)).Requests);
        Assert.Equal(0, (await FindAsync(revision: first.Commit, change: options => options with { Token = "hf_one" })).Requests);
        await Assert.ThrowsAsync<ModelOpsException>(() => FindAsync(change: options => options with { Token = "hf_three", Offline = true }));
        Assert.All(Directory.EnumerateFiles(CacheFolder), file => Assert.DoesNotContain("hf_", File.ReadAllText(file) + file));
    }

    [Fact]
    public async Task AnotherHubOrVariantIsAnotherRecord()
    {
        var (first, asked) = await FindAsync();
        Assert.Equal(asked, (await FindAsync(variant: "bf16", revision: first.Commit)).Requests);
        var elsewhere = await HubServer.StartAsync(new HubServerOptions { Directory = _folder.File("hub") }, Cancellation);
        await using (elsewhere)
            Assert.Equal(asked, (await FindAsync(revision: first.Commit, change: options => options with { Endpoint = elsewhere.Endpoint })).Requests);
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("empty")]
    [InlineData("flipped")]
    [InlineData("another reader's")]
    [InlineData("huge")]
    public async Task DamagedRecordIsReadAnewAndWrittenAgain(string damage)
    {
        var (first, asked) = await FindAsync();
        foreach (var file in Directory.EnumerateFiles(CacheFolder))
        {
            var bytes = await File.ReadAllBytesAsync(file, Cancellation);
            switch (damage)
            {
                case "cut":
                    bytes = bytes[..(bytes.Length / 2)];
                    break;
                case "empty":
                    bytes = [];
                    break;
                case "flipped":
                    bytes[^2] ^= 1;
                    break;
                case "huge":
                    bytes = new byte[2 << 20];
                    break;
                default:
                    // A whole record of another build, with the digest of its own.
                    var rest = bytes[65..];
                    rest[0] = rest[0] == '0' ? (byte)'1' : (byte)'0';
                    bytes = [.. System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(rest)) + "\n"), .. rest];
                    break;
            }
            await File.WriteAllBytesAsync(file, bytes, Cancellation);
        }
        var (again, askedAgain) = await FindAsync(revision: first.Commit);
        Assert.Equal((Text(first), asked), (Text(again), askedAgain));
        Assert.Equal(0, (await FindAsync(revision: first.Commit)).Requests);
    }

    [Fact]
    public async Task OldestRecordsGo()
    {
        var (shape, _) = await FindAsync();
        var cache = new ShapeCache(_folder.File("few"), mostRecords: 3);
        ShapeWish[] wishes = [.. Enumerable.Range(0, 6).Select(number => new ShapeWish(new HubOptions { Endpoint = _server!.Endpoint }, Repository, $"{number}", "BF16"))];
        var written = DateTime.UtcNow.AddMinutes(-10);
        foreach (var wish in wishes)
        {
            cache.Keep(wish, shape);
            File.SetLastWriteTimeUtc(Path.Combine(_folder.File("few"), wish.AtCommit(shape.Commit) + ".shape"), written = written.AddMinutes(1));
        }
        Assert.Equal(3, Directory.EnumerateFiles(_folder.File("few")).Count());
        Assert.Equal([false, false, false, true, true, true], wishes.Select(wish => cache.Find(wish, shape.Commit) is not null));
    }

    [Fact]
    public async Task WritersAndReadersAtOnceSeeWholeRecords()
    {
        var (shape, _) = await FindAsync();
        var wish = new ShapeWish(new HubOptions { Endpoint = _server!.Endpoint }, Repository, "x", "BF16");
        var expected = Text(shape);
        new ShapeCache(CacheFolder).Keep(wish, shape);
        await Parallel.ForEachAsync(Enumerable.Range(0, 400), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Cancellation }, (number, _) =>
        {
            var cache = new ShapeCache(CacheFolder);
            if (number % 2 == 0)
                cache.Keep(wish, shape);
            Assert.Equal(expected, Text(cache.Find(wish, shape.Commit)!));
            return ValueTask.CompletedTask;
        });
        Assert.Empty(Directory.EnumerateFiles(CacheFolder, "*.incomplete"));
    }

    [Fact]
    public async Task RecordsAreTheirOwnersOnly()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows' profiles are private.");
        await FindAsync();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, new FileInfo(CacheFolder).UnixFileMode);
        Assert.All(Directory.EnumerateFiles(CacheFolder), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(file).UnixFileMode));
    }

    [Fact]
    public async Task FolderThatCannotBeMadeCostsNothingButTheCache()
    {
        await File.WriteAllTextAsync(CacheFolder, "a file", Cancellation);
        var (first, asked) = await FindAsync();
        Assert.Equal(asked, (await FindAsync(revision: first.Commit)).Requests);
    }

    private async Task<(RemoteShape Shape, int Requests)> FindAsync(string? variant = null, string? revision = null, Func<HubOptions, HubOptions>? change = null)
    {
        var network = new FaultHandler();
        var options = new HubOptions { Endpoint = _server!.Endpoint, CreateHandler = () => network };
        using var hub = new HubClient(change?.Invoke(options) ?? options);
        var shape = await ModelShapeReader.FindAsync(hub, Repository, variant, revision, "BF16", new ShapeCache(CacheFolder), Cancellation);
        return (shape, network.Requests.Count);
    }

    private static string Text<T>(T value) => JsonSerializer.Serialize(value);
}
