using System.Text.Json;
using ModelOps.Server;
using ModelOps.Tests.Conversion;
using Xunit;

namespace ModelOps.Tests.Inspection;

/// <summary>The shape of a checkpoint is that of the whole plan of its conversion, though neither its vocabulary nor its factors are read for it.</summary>
public sealed class ShapeWithoutVocabularyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Goldens { get; } =
    [
        .. Directory.EnumerateDirectories(Path.Combine(TestPaths.Assets, "golden"))
            .Where(folder => File.Exists(Path.Combine(folder, "hf", "config.json")) && !File.Exists(Path.Combine(folder, "hf", "adapter_config.json")) && !folder.EndsWith("-vision", StringComparison.Ordinal) && !folder.EndsWith("-vision-plain", StringComparison.Ordinal))
            .Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal),
    ];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Goldens))]
    public void IsThatOfTheWholePlan(string golden)
    {
        var whole = Path.Combine(TestPaths.Golden(golden), "hf");
        var part = _folder.CopyOf(whole);
        foreach (var file in Directory.EnumerateFiles(part).Where(IsVocabulary))
            File.Delete(file);
        foreach (var type in (string[])["BF16", "Q4_K_M"])
            Assert.Equal(Planned(whole, type), Text(ModelShapeReader.Read(part, ModelKind.Checkpoint, "m", type)));
    }

    [Theory]
    [InlineData("nvfp4", "BF16")]
    [InlineData("nvfp4", "Q8_0")]
    [InlineData("ct-int4", "Q4_0")]
    [InlineData("fp8-block", "Q4_K_M")]
    [InlineData("gptq-v1", "Q8_0")]
    [InlineData("gpt-oss", "BF16")]
    [InlineData("gemma3n", "Q6_K")]
    [InlineData("bert", "F16")]
    public async Task IsThatOfTheWholePlanOverTheNetwork(string golden, string type)
    {
        var source = Path.Combine(TestPaths.Golden(golden), "hf");
        Directory.CreateDirectory(_folder.File("hub/lab"));
        Directory.Move(_folder.CopyOf(source), _folder.File("hub/lab/m"));
        await using var server = await HubServer.StartAsync(new HubServerOptions { Directory = _folder.File("hub") }, TestContext.Current.CancellationToken);
        using var hub = new HubClient(new HubOptions { Endpoint = server.Endpoint });
        var variant = Assert.Single(await hub.GetVariantsAsync("lab/m", cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(Planned(source, type), Text(await ModelShapeReader.ReadAsync(hub, variant, type, TestContext.Current.CancellationToken) with { Name = "m" }));
    }

    private string Planned(string folder, string type)
        => Text(ConversionPlan.Create(folder, _folder.File("out.gguf"), new ConversionOptions { Type = type, KeepLattice = false }).ToShape() with { Name = "m" });

    private static bool IsVocabulary(string file)
    {
        var name = Path.GetFileName(file);
        return name.StartsWith("tokenizer", StringComparison.Ordinal) || name.StartsWith("vocab", StringComparison.Ordinal) || name.EndsWith(".index.json", StringComparison.Ordinal)
            || Path.GetExtension(name) is ".txt" or ".model" or ".jinja" or ".tiktoken" or ".spm";
    }

    private static string Text(ModelShape shape) => JsonSerializer.Serialize(shape);
}
