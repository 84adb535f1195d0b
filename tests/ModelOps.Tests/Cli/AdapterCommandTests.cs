using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary><c>modelops convert</c> with adapters: as the source, and merged into a model.</summary>
public sealed class AdapterCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public AdapterCommandTests()
    {
        Copy(Path.Combine(TestPaths.Golden("lora-llama"), "hf"), "my-adapter");
        Copy(Path.Combine(TestPaths.Golden("llama"), "hf"), "my-llama");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Adapter_IsConverted_WithTheConfigurationOfItsBase()
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["convert", "my-adapter", "--type", "F32", "--base", "my-llama", "--format", "json"]);
        Assert.Equal(0, outcome.ExitCode);
        using var result = JsonDocument.Parse(outcome.Out);
        var output = result.RootElement.GetProperty("output").GetString()!;
        Assert.Equal("my-adapter-F32.gguf", Path.GetFileName(output));
        Assert.Equal("adapter", GgufFile.Read(output).Metadata.FindString("general.type"));
        Assert.Equal("My Adapter", GgufFile.Read(output).Metadata.FindString("general.name"));
    }

    [Fact]
    public async Task Adapter_FindsItsBase_WhereItSays()
    {
        var config = Path.Combine(_folder.Path, "my-adapter", "adapter_config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("example-org/Tiny-Llama-0.1M-Instruct-v1.2", Path.Combine(_folder.Path, "my-llama").Replace('\\', '/'), StringComparison.Ordinal));
        Assert.Equal(0, (await InProcess.RunAsync(_folder.Path, ["convert", "my-adapter", "--type", "BF16"])).ExitCode);
    }

    [Fact]
    public async Task Adapter_WithoutItsBase_SaysWhatToGive()
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["convert", "my-adapter", "--type", "F32"]);
        Assert.Equal(3, outcome.ExitCode);
        Assert.Contains("--base", outcome.Error);
        Assert.Equal(3, (await InProcess.RunAsync(_folder.Path, ["convert", "my-adapter", "--type", "F32", "--base", "no/where"])).ExitCode);
    }

    [Fact]
    public async Task Adapters_AreMerged_AtTheirScales()
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["convert", "my-llama", "--type", "F32", "--lora", "my-adapter", "--lora", "my-adapter:-0.25", "--output", "merged.gguf", "--dry-run"]);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("my-adapter is merged at scale 1 into 14 tensors", outcome.Out.ReplaceLineEndings(" "));
        Assert.Contains("scale -0.25", outcome.Out);
        Assert.Equal(0, (await InProcess.RunAsync(_folder.Path, ["convert", "my-llama", "--type", "F32", "--lora", "my-adapter", "--output", "merged.gguf"])).ExitCode);
        var metadata = GgufFile.Read(Path.Combine(_folder.Path, "merged.gguf")).Metadata;
        Assert.Equal("my-adapter", Assert.Single(metadata.FindArray<string>("modelops.merged.adapters")!));
        // Into a GGUF file nothing is merged, nor is it left out in silence.
        var refused = await InProcess.RunAsync(_folder.Path, ["convert", "merged.gguf", "--type", "Q8_0", "--lora", "my-adapter"]);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("into a checkpoint only", refused.Error);
    }

    [Theory]
    [InlineData("a/b", "a/b", 1)]
    [InlineData("a/b:0.5", "a/b", 0.5)]
    [InlineData(@"C:\models\adapter", @"C:\models\adapter", 1)]
    [InlineData(@"C:\models\adapter:2", @"C:\models\adapter", 2)]
    public void WhatUsersWrite_IsReadAsPathAndScale(string text, string path, double scale) => Assert.Equal(new AdapterMerge(path, scale), AdapterMerge.Parse(text));

    private void Copy(string from, string name)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder.Path, name)).FullName;
        foreach (var file in Directory.EnumerateFiles(from))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
    }
}
