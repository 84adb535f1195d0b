using System.Diagnostics;
using System.Security.Cryptography;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>What a file says of where it comes from, so that a stranger can check it.</summary>
public sealed class ProvenanceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Digests_AreThoseOfSha256Sum()
    {
        var checkpoint = _folder.CopyOf(Path.Combine(TestPaths.Golden("mistral"), "hf"));
        var result = await ModelConverter.RunAsync(ConversionPlan.Create(checkpoint, _folder.File("model.gguf"), new ConversionOptions { Provenance = true, Type = "Q8_0" }));
        var metadata = GgufFile.Read(result.Output).Metadata;
        var files = metadata.FindArray<string>("modelops.source.files")!;
        var digests = metadata.FindArray<string>("modelops.source.sha256")!;

        Assert.Contains("config.json", files);
        Assert.Contains("tokenizer.model", files);
        Assert.Equal(2, files.Count(file => file.EndsWith(".safetensors", StringComparison.Ordinal)));
        Assert.Equal(files.Order(StringComparer.Ordinal), files);
        Assert.All(files.Zip(digests), entry => Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(checkpoint, entry.First)))), entry.Second));
        Assert.Equal(files.Zip(digests), result.Inputs.Select(input => (input.Name, input.Sha256!)));
        Assert.Equal("Q8_0", metadata["modelops.recipe"]);
        Assert.Equal("0.1.0", metadata["modelops.version"]);
        Assert.False(metadata.ContainsKey("modelops.source.commit"));

        // What a stranger does: the list of the file, given to sha256sum.
        Assert.SkipUnless(File.Exists("/usr/bin/sha256sum"), "needs sha256sum");
        File.WriteAllLines(_folder.File("sums"), files.Zip(digests, (file, digest) => $"{digest}  {file}"));
        using var check = Process.Start(new ProcessStartInfo("/usr/bin/sha256sum", ["--check", "--strict", _folder.File("sums")]) { WorkingDirectory = checkpoint, RedirectStandardOutput = true, RedirectStandardError = true })!;
        await check.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, check.ExitCode);
    }

    [Fact]
    public async Task TheSameInput_GivesTheSameBytes_WhereverItLies()
    {
        var first = _folder.CopyOf(Path.Combine(TestPaths.Golden("llama"), "hf"));
        var second = Directory.CreateDirectory(_folder.File("elsewhere/hf")).FullName;
        foreach (var file in Directory.GetFiles(first))
            File.Copy(file, Path.Combine(second, Path.GetFileName(file)));
        foreach (var file in Directory.GetFiles(second))
            File.SetLastWriteTimeUtc(file, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        await ModelConverter.RunAsync(ConversionPlan.Create(first, _folder.File("a.gguf"), new ConversionOptions { Provenance = true, Type = "Q4_0", Threads = 1 }));
        await ModelConverter.RunAsync(ConversionPlan.Create(second, _folder.File("b.gguf"), new ConversionOptions { Provenance = true, Type = "Q4_0", Threads = 8 }));
        Assert.Equal(File.ReadAllBytes(_folder.File("a.gguf")), File.ReadAllBytes(_folder.File("b.gguf")));
    }

    [Fact]
    public async Task SnapshotOfAHubCache_GivesRepositoryCommitAndItsBlobsNames()
    {
        const string Commit = "0123456789abcdef0123456789abcdef01234567";
        var cache = _folder.File("models--example-org--tiny");
        var snapshot = Directory.CreateDirectory(Path.Combine(cache, "snapshots", Commit)).FullName;
        Directory.CreateDirectory(Path.Combine(cache, "blobs"));
        var digest = "";
        foreach (var file in Directory.GetFiles(Path.Combine(TestPaths.Golden("llama"), "hf")))
        {
            var name = Path.GetFileName(file);
            var blob = Path.Combine(cache, "blobs", name == "model.safetensors" ? digest = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))) : Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)))[..40]);
            File.Copy(file, blob);
            try
            {
                File.CreateSymbolicLink(Path.Combine(snapshot, name), Path.Combine("..", "..", "blobs", Path.GetFileName(blob)));
            }
            catch (Exception exception) when (exception is UnauthorizedAccessException or IOException)
            {
                Assert.Skip("symbolic links may not be made here: " + exception.Message);
            }
        }
        var plan = ConversionPlan.Create(snapshot, _folder.File("model.gguf"), new ConversionOptions { Provenance = true });
        // Known before a weight is read.
        Assert.Equal(digest, plan.Inputs.Single(input => input.Name == "model.safetensors").Sha256);
        Assert.DoesNotContain(plan.Inputs, input => input.Sha256 is null);
        await ModelConverter.RunAsync(plan);
        var metadata = GgufFile.Read(plan.Output).Metadata;
        Assert.Equal(("example-org/tiny", Commit), (metadata["modelops.source.repository"], metadata["modelops.source.commit"]));
        Assert.Equal(plan.Inputs.Select(input => input.Sha256), metadata.FindArray<string>("modelops.source.sha256"));
    }

    /// <summary>alpha and the base's sizes are as much of the result as the matrices; a run that is taken up must know when they have changed.</summary>
    [Fact]
    public void ConfigurationOfAnAdapter_IsAnInput()
    {
        var (model, adapter) = (Path.Combine(TestPaths.Golden("llama"), "hf"), Path.Combine(TestPaths.Golden("lora-llama"), "hf"));
        var merged = ConversionPlan.Create(model, _folder.File("merged.gguf"), new ConversionOptions { Adapters = [new AdapterMerge(adapter)], Provenance = true });
        Assert.Equal(
            [Path.Combine(adapter, "adapter_config.json"), Path.Combine(adapter, "adapter_model.safetensors")],
            merged.Inputs.Where(input => input.Name.StartsWith("adapter_", StringComparison.Ordinal)).Select(input => input.Path));
        var alone = ConversionPlan.Create(adapter, _folder.File("alone.gguf"), new ConversionOptions { BaseModel = model, Provenance = true });
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors", "config.json"], alone.Inputs.Select(input => input.Name));
    }

    [Fact]
    public async Task WithoutProvenance_NothingIsSaidAndNothingHashed()
    {
        var plan = ConversionPlan.Create(Path.Combine(TestPaths.Golden("llama"), "hf"), _folder.File("model.gguf"), new ConversionOptions { Type = "F32" });
        var result = await ModelConverter.RunAsync(plan);
        Assert.All(result.Inputs, input => Assert.Null(input.Sha256));
        Assert.Equal(File.ReadAllBytes(Path.Combine(TestPaths.Golden("llama"), "official.f32.gguf")), File.ReadAllBytes(plan.Output));
    }

    [Fact]
    public async Task RequantisedFile_NamesTheFileItWasMadeFrom()
    {
        var first = await ModelConverter.RunAsync(ConversionPlan.Create(Path.Combine(TestPaths.Golden("llama"), "hf"), _folder.File("first.gguf"), new ConversionOptions { Provenance = true, Type = "F32" }));
        var second = await ModelConverter.RunAsync(ConversionPlan.Create(first.Output, _folder.File("second.gguf"), new ConversionOptions { Provenance = true, Type = "Q8_0" }));
        var metadata = GgufFile.Read(second.Output).Metadata;
        Assert.Equal(["first.gguf"], metadata.FindArray<string>("modelops.source.files")!);
        Assert.Equal([Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(first.Output)))], metadata.FindArray<string>("modelops.source.sha256")!);
        Assert.Equal("Q8_0", metadata["modelops.recipe"]);
    }
}
