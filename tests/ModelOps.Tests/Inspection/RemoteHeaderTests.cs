using System.Collections.Concurrent;
using ModelOps.Formats;
using ModelOps.Server;
using ModelOps.Tests.Cli;
using ModelOps.Tests.Hub;
using Xunit;

namespace ModelOps.Tests.Inspection;

/// <summary>What a GGUF file holds is in its header; its name is what somebody called it.</summary>
public sealed class RemoteHeaderTests : IAsyncLifetime
{
    private const string Repository = "lab/models";
    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-headers-").FullName;
    private HubServer? _server;

    public async ValueTask InitializeAsync() => _server = await HubServer.StartAsync(new HubServerOptions { Directory = _folder });

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("m-Q4_0.gguf", GgmlType.Q8_0, 7, "Q8_0", true)]
    [InlineData("m-Q4_0.gguf", GgmlType.Q4_K, 15, "Q4_K_M", true)]
    [InlineData("m-Q4_0.gguf", GgmlType.Q4_0, 2, "Q4_0", false)]
    [InlineData("m-Q4_0.gguf", GgmlType.Q4_0, null, "Q4_0", false)]
    [InlineData("m-Q8_0.gguf", GgmlType.Q4_K, 7, "Q4_K", true)] // the note of the writer lies as well
    [InlineData("m-F16.gguf", GgmlType.BF16, 32, "BF16", true)]
    [InlineData("m-UD-Q4_K_XL.gguf", GgmlType.Q4_K, 15, "UD-Q4_K_XL", false)]
    [InlineData("m-UD-Q2_K_XL.gguf", GgmlType.IQ3_XXS, 10, "UD-Q2_K_XL", false)] // dynamic types mix
    [InlineData("m-UD-Q2_K_XL.gguf", GgmlType.Q8_0, 7, "Q8_0", true)]
    [InlineData("m-IQ3_M.gguf", GgmlType.IQ3_S, 27, "IQ3_M", false)]
    [InlineData("m-IQ3_XS.gguf", GgmlType.IQ3_XXS, 22, "IQ3_XS", false)]
    [InlineData("m-Q4_K_M.gguf", GgmlType.Q5_0, 15, "Q4_K_M", false)] // llama-quantize where rows are no multiple of 256
    [InlineData("m-Q4_K_M.gguf", GgmlType.Q5_0, 8, "Q5_0", true)]
    [InlineData("gpt-oss-mxfp4.gguf", GgmlType.MXFP4, 38, "MXFP4", false)]
    [InlineData("model.gguf", GgmlType.Q6_K, 18, "Q6_K", null)]
    [InlineData("model.gguf", GgmlType.Q6_K, 999, "Q6_K", null)]
    public async Task HeaderSaysWhatItHolds(string name, GgmlType type, int? fileType, string quantization, bool? disagrees)
    {
        Write(name, type, fileType);
        using var hub = new HubClient(new HubOptions { Endpoint = _server!.Endpoint });
        ModelVariant variant = Assert.Single(await VariantFit.CheckAsync(hub, await hub.GetVariantsAsync(Repository), machine: null));
        Assert.Equal((quantization, disagrees, null), (variant.Quantization, variant.NameDisagrees, variant.Fits));
    }

    [Fact]
    public async Task ShardsAreReadTogether()
    {
        Write("m-Q8_0-00001-of-00002.gguf", GgmlType.Q8_0, 7, layers: 1);
        Write("m-Q8_0-00002-of-00002.gguf", GgmlType.Q4_0, null, layers: 3);
        using var hub = new HubClient(new HubOptions { Endpoint = _server!.Endpoint });
        ModelVariant variant = Assert.Single(await VariantFit.CheckAsync(hub, await hub.GetVariantsAsync(Repository), machine: null));
        Assert.Equal(("Q8_0", "Q4_0", true), (variant.Name, variant.Quantization, variant.NameDisagrees));
    }

    /// <summary>Of many variants one header is read, unless all are asked for.</summary>
    [Fact]
    public async Task HeadersOfManyAreReadOnlyWhenAsked()
    {
        foreach (string label in (string[])["Q2_K", "Q3_K", "Q4_K_M", "Q5_K", "Q6_K", "Q8_0"])
            Write($"m-{label}.gguf", GgmlType.Q4_K, 15);
        var read = new ConcurrentDictionary<string, bool>();
        var network = new FaultHandler { Answer = (request, _) => { if (request.IsResolve) read[Path.GetFileName(request.Address.AbsolutePath)] = true; return null; } };
        using var hub = new HubClient(new HubOptions { Endpoint = _server!.Endpoint, CreateHandler = () => network });
        IReadOnlyList<ModelVariant> variants = await hub.GetVariantsAsync(Repository);

        IReadOnlyList<ModelVariant> some = await VariantFit.CheckAsync(hub, variants, machine: null);
        Assert.Equal(["m-Q4_K_M.gguf"], read.Keys);
        Assert.Equal("Q4_K_M", Assert.Single(some, variant => variant.NameDisagrees is not null).Name);

        IReadOnlyList<ModelVariant> all = await VariantFit.CheckAsync(hub, variants, machine: null, allHeaders: true);
        Assert.Equal(6, read.Count);
        Assert.Equal(5, all.Count(variant => variant.NameDisagrees == true));
        Assert.All(all, variant => Assert.Equal("Q4_K_M", variant.Quantization));
    }

    [Fact]
    public async Task DamagedHeaderTellsNothingAndTheOthersStillSpeak()
    {
        Write("m-Q8_0.gguf", GgmlType.Q8_0, 7);
        await File.WriteAllTextAsync(Path.Combine(_folder, "lab", "models", "m-Q4_0.gguf"), "no GGUF at all");
        using var hub = new HubClient(new HubOptions { Endpoint = _server!.Endpoint });
        IReadOnlyList<ModelVariant> variants = await VariantFit.CheckAsync(hub, await hub.GetVariantsAsync(Repository), machine: null);
        Assert.Equal([("Q4_0", (bool?)null), ("Q8_0", false)], variants.Select(variant => (variant.Name, variant.NameDisagrees)));
    }

    [Fact]
    public async Task ShowTellsPeopleAndPrograms()
    {
        Write("m-Q4_0.gguf", GgmlType.Q8_0, 7);
        Write("mmproj-BF16.gguf", GgmlType.BF16, 32);
        Write("mmproj-F16.gguf", GgmlType.F16, 1);
        CliOutcome text = await InProcess.RunAsync(_folder, ["show", Repository], endpoint: _server!.Endpoint.AbsoluteUri);
        Assert.Contains("Q4_0 is named wrongly: its header holds Q8_0.", text.Out);
        Assert.Contains("mmproj-BF16.gguf", text.Out);
        Assert.Matches(@"Q4_0 +GGUF .* default", text.Out);

        var variant = (await InProcess.RunAsync(_folder, ["show", Repository, "--format", "json"], endpoint: _server.Endpoint.AbsoluteUri)).Json.GetProperty("variants")[0];
        Assert.Equal(("Q8_0", true, true), (variant.GetProperty("quantization").GetString(), variant.GetProperty("nameDisagrees").GetBoolean(), variant.GetProperty("isDefault").GetBoolean()));
        var companion = variant.GetProperty("companions")[1];
        byte[] content = await File.ReadAllBytesAsync(Path.Combine(_folder, "lab", "models", "mmproj-F16.gguf"));
        Assert.Equal("projector", companion.GetProperty("kind").GetString());
        Assert.Equal(content.LongLength, companion.GetProperty("file").GetProperty("bytes").GetInt64());
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)), companion.GetProperty("file").GetProperty("sha256").GetString());
    }

    [Fact]
    public async Task PullTakesTheProjectorWhenAsked()
    {
        Write("m-Q4_0.gguf", GgmlType.Q4_0, 2);
        Write("mmproj-BF16.gguf", GgmlType.BF16, 32);
        Write("mmproj-F16.gguf", GgmlType.F16, 1);
        Assert.Equal(["m-Q4_0.gguf"], Paths(await InProcess.RunAsync(_folder, ["pull", Repository, "--dry-run", "--format", "json"], endpoint: _server!.Endpoint.AbsoluteUri)));
        CliOutcome pulled = await InProcess.RunAsync(_folder, ["pull", Repository, "--with-mmproj", "--format", "json"], endpoint: _server.Endpoint.AbsoluteUri);
        Assert.Equal(["m-Q4_0.gguf", "mmproj-F16.gguf"], Paths(pulled));
        string model = pulled.Json.GetProperty("path").GetString()!;
        Assert.EndsWith("m-Q4_0.gguf", model);
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(_folder, "lab", "models", "mmproj-F16.gguf")), await File.ReadAllBytesAsync(Path.Combine(Path.GetDirectoryName(model)!, "mmproj-F16.gguf")));

        static IEnumerable<string?> Paths(CliOutcome outcome) => outcome.Json.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("path").GetString());
    }

    /// <summary>A file of the size that its header promises; the weights are zeros.</summary>
    private void Write(string name, GgmlType type, int? fileType, int layers = 2)
    {
        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", "llama");
        if (fileType is { } number)
            metadata.Set("general.file_type", (uint)number);
        // The embedding outweighs the layers, and has a type of its own, as in small models.
        GgufTensorSpec[] tensors = [new("token_embd.weight", GgmlType.F32, [256, 4096]), .. Enumerable.Range(0, layers).Select(layer => new GgufTensorSpec($"blk.{layer}.ffn_up.weight", type, [256, 512]))];
        GgufLayout layout = GgufLayout.Create(metadata, tensors);
        string path = Path.Combine(_folder, "lab", "models", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using FileStream file = File.Create(path);
        file.Write(layout.Header.Span);
        file.SetLength(layout.FileBytes);
    }
}
