using ModelOps.Engine;
using ModelOps.Server;
using ModelOps.Tests.Cli;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Inspection;

/// <summary>No hostile header reaches native code, whichever way it comes: each is refused by managed code, quickly and for what it is.</summary>
public sealed class HostileHeaderTests : IDisposable
{
    private readonly Conversion.TemporaryFolder _folder = new();

    public static TheoryData<string> All { get; } = [.. HostileHeaders.Structures.Keys, .. HostileHeaders.Figures.Keys];

    public static TheoryData<string> Structures { get; } = [.. HostileHeaders.Structures.Keys];

    // An engine without libraries: whoever gets as far as native code finds none.
    private string NoEngine => Directory.CreateDirectory(_folder.File("no-engine")).FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(All))]
    public void AFitOfAFileRefusesIt(string name) => AssertRefused(Assert.Throws<ModelOpsException>(() => ModelShapeReader.Read(Write(name), ModelKind.Gguf)));

    [Theory]
    [MemberData(nameof(All))]
    public async Task AFitOfARepositoryRefusesIt(string name)
    {
        var path = Write(name);
        Directory.CreateDirectory(_folder.File("hub/lab/m"));
        File.Move(path, _folder.File("hub/lab/m/m-Q8_0.gguf"));
        await using var server = await HubServer.StartAsync(new HubServerOptions { Directory = _folder.File("hub") }, Cancellation);
        using var hub = new HubClient(new HubOptions { Endpoint = server.Endpoint });
        AssertRefused(await Assert.ThrowsAsync<ModelOpsException>(() => ModelShapeReader.FindAsync(hub, "lab/m", cancellationToken: Cancellation)));
    }

    /// <summary>To run and to measure.</summary>
    [Theory]
    [MemberData(nameof(All))]
    public async Task TheEngineIsNotGivenIt(string name)
        => AssertRefused(await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = Write(name), LibraryDirectory = NoEngine }, cancellationToken: Cancellation)));

    /// <summary>Asked for the exact figures.</summary>
    [Theory]
    [MemberData(nameof(All))]
    public void TheEngineIsNotAskedOfIt(string name)
        => AssertRefused(Assert.Throws<ModelOpsException>(() => new MemoryProbe(new EngineOptions { ModelPath = Write(name), LibraryDirectory = NoEngine }).Dispose()));

    /// <summary>The engine opens the other shards by itself.</summary>
    [Theory]
    [MemberData(nameof(Structures))]
    public async Task TheEngineIsNotGivenItAsALaterShard(string name)
    {
        var shards = TestGguf.Split(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), Directory.CreateDirectory(_folder.File("shards")).FullName, 3);
        await File.WriteAllBytesAsync(shards[1], Bytes(name), Cancellation);
        AssertRefused(await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = shards[0], LibraryDirectory = NoEngine }, cancellationToken: Cancellation)));
    }

    [Theory]
    [MemberData(nameof(Structures))]
    public void AConversionRefusesIt(string name)
    {
        AssertRefused(Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(Write(name), _folder.File("out.gguf"), new ConversionOptions { Type = "Q8_0" })));
        Assert.False(File.Exists(_folder.File("out.gguf")));
    }

    [Theory]
    [MemberData(nameof(Structures))]
    public async Task TheCommandEndsWith6(string name)
    {
        var outcome = await InProcess.RunAsync(_folder.File(""), ["fit", Write(name), "--format", "json"], cancellationToken: Cancellation);
        Assert.Equal((ErrorKind.CorruptFile.ExitCode(), true), (outcome.ExitCode == ErrorKind.UnsupportedType.ExitCode() ? ErrorKind.CorruptFile.ExitCode() : outcome.ExitCode, outcome.Json.GetProperty("error").GetProperty("hint").GetString() is { Length: > 0 }));
    }

    /// <summary>Without a lie it is read, and the engine is looked for: the tests above would fail if they got so far.</summary>
    [Fact]
    public async Task WithoutTheLieItIsAModel()
    {
        var path = _folder.File("honest.gguf");
        await File.WriteAllBytesAsync(path, HostileHeaders.Honest, Cancellation);
        Assert.Equal(1, ModelShapeReader.Read(path, ModelKind.Gguf).Layers);
        Assert.NotEmpty(ConversionPlan.Create(path, _folder.File("out.gguf"), new ConversionOptions { Type = "Q8_0" }).Tensors);
        var options = new EngineOptions { ModelPath = path, LibraryDirectory = NoEngine };
        Assert.Equal(ErrorKind.EngineNotFound, (await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(options, cancellationToken: Cancellation))).Kind);
        Assert.Equal(ErrorKind.EngineNotFound, Assert.Throws<ModelOpsException>(() => new MemoryProbe(options)).Kind);
        var shards = TestGguf.Split(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), Directory.CreateDirectory(_folder.File("shards")).FullName, 3);
        Assert.Equal(ErrorKind.EngineNotFound, (await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(options with { ModelPath = shards[0] }, cancellationToken: Cancellation))).Kind);
    }

    private static void AssertRefused(ModelOpsException error)
    {
        Assert.Contains(error.Kind, (ErrorKind[])[ErrorKind.CorruptFile, ErrorKind.UnsupportedType]);
        Assert.NotEmpty(error.Message);
    }

    private static byte[] Bytes(string name) => HostileHeaders.Structures.GetValueOrDefault(name) ?? HostileHeaders.Figures[name];

    private string Write(string name)
    {
        var path = _folder.File("hostile.gguf");
        File.WriteAllBytes(path, Bytes(name));
        return path;
    }
}
