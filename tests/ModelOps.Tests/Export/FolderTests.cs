using System.Text.Json.Nodes;
using ModelOps.Tests.Conversion;
using ModelOps.Tests.Conversion.Quantized;
using Xunit;

namespace ModelOps.Tests.Export;

/// <summary>The folder around the weights: what the loaders look for, and that nothing unfinished has the final name.</summary>
public sealed class FolderTests
{
    /// <summary>mlx_lm/utils.py: load_model reads model*.safetensors and config["quantization"], sharded_load the index, save_model writes the format.</summary>
    [Fact]
    public async Task MlxFolder_IsAsMlxLmWritesIt()
    {
        using var folder = new TemporaryFolder();
        var result = await LatticeExportTests.ExportAsync(TestPaths.Model("demo-gemma-qat"), folder, ExportFormat.Mlx);
        var config = new ExportedFolder(result.Output).Config;
        Assert.Equal("""{"group_size":32,"bits":4,"mode":"affine"}""", config["quantization"]!.ToJsonString());
        Assert.Equal(config["quantization"]!.ToJsonString(), config["quantization_config"]!.ToJsonString());
        var file = SafetensorsFile.Read(Path.Combine(result.Output, "model.safetensors"));
        Assert.Equal("mlx", file.Metadata["format"]);
        Assert.All(file.Tensors, tensor => Assert.Equal(0, tensor.Offset % 4));
        var index = JsonNode.Parse(File.ReadAllText(Path.Combine(result.Output, "model.safetensors.index.json")))!;
        Assert.Equal(file.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal), index["weight_map"]!.AsObject().Select(entry => entry.Key));
        Assert.Equal(file.Tensors.Sum(tensor => tensor.Bytes), index["metadata"]!["total_size"]!.GetValue<long>());
        Assert.Equal(result.Tensors.Sum(tensor => tensor.Weights), index["metadata"]!["total_parameters"]!.GetValue<long>());
        // The head is tied to the embedding, which training has left on no lattice here.
        Assert.DoesNotContain(file.Tensors, tensor => tensor.Name.StartsWith("lm_head", StringComparison.Ordinal));
        Assert.All(["tokenizer.json", "tokenizer_config.json", "generation_config.json"], name => Assert.Equal(File.ReadAllBytes(Path.Combine(TestPaths.Model("demo-gemma-qat"), name)), File.ReadAllBytes(Path.Combine(result.Output, name))));
        Assert.Equal(result.Files.Order(StringComparer.Ordinal), Directory.EnumerateFiles(result.Output).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(result.Bytes, Directory.EnumerateFiles(result.Output).Sum(path => new FileInfo(path).Length));
    }

    /// <summary>Without lattices, all modules with to_quantized are: the embedding as well (mlx_lm/utils.py, quantize_model).</summary>
    [Fact]
    public void MlxFolder_OfAPlainModel_HasNoMatrixOfNumbers()
    {
        using var folder = new TemporaryFolder();
        var plan = ExportPlan.Create(TestPaths.Model("demo-gemma"), folder.File("out"), new ExportOptions { Format = ExportFormat.Mlx });
        Assert.All(plan.Tensors, tensor => Assert.Equal(tensor.Shape.Count == 2, tensor.Scheme is not null));
        Assert.Contains(plan.Tensors, tensor => tensor.Name == "model.embed_tokens.weight" && tensor.Treatment == ExportTreatment.Rounded);
    }

    /// <summary>Modules with other bits have settings under their own names, which load_model's class_predicate looks up.</summary>
    [Fact]
    public async Task MlxFolder_SaysWhatDiffers()
    {
        using var folder = new TemporaryFolder();
        var model = new QuantizedLlama("""{"quant_method": "gptq", "bits": 4, "group_size": 32, "dynamic": {"+:.*down_proj": {"bits": 8, "group_size": 64}}}""")
            .Quantize(module => module.Name.EndsWith("down_proj", StringComparison.Ordinal) ? GptqTests.Write(module, 8, 64, true, false, 128) : GptqTests.Write(module, 4, 32, true, false, 8));
        var result = await LatticeExportTests.ExportAsync(model.Stored.Save(folder), folder, ExportFormat.Mlx);
        Assert.Equal("""{"group_size":32,"bits":4,"mode":"affine","model.layers.0.mlp.down_proj":{"group_size":64,"bits":8}}""", new ExportedFolder(result.Output).Config["quantization"]!.ToJsonString());
    }

    /// <summary>The keys are those of a published checkpoint (golden ct-int4), which llama.cpp's converter reads too.</summary>
    [Fact]
    public async Task CompressedTensorsFolder_IsAsThePublishedOnes()
    {
        using var folder = new TemporaryFolder();
        var result = await LatticeExportTests.ExportAsync(TestPaths.Model("demo-gemma-qat"), folder, ExportFormat.CompressedTensors);
        var section = new ExportedFolder(result.Output).Config["quantization_config"]!.AsObject();
        var published = TinyCheckpoint.Of("ct-int4").Config["quantization_config"]!.AsObject();
        published["version"] = section["version"]!.DeepClone();
        published["global_compression_ratio"] = null;
        Assert.True(JsonNode.DeepEquals(published, section), section.ToJsonString());
        var file = SafetensorsFile.Read(Path.Combine(result.Output, "model.safetensors"));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.False(File.Exists(Path.Combine(result.Output, "model.safetensors.index.json")));
        // The very tensors of a published module, and an embedding of numbers.
        Assert.Equal(
            TinyCheckpoint.Of("ct-int4").Tensors.Where(tensor => tensor.Key.Contains("q_proj", StringComparison.Ordinal)).Select(tensor => (tensor.Key, tensor.Value.Type)),
            file.Tensors.Where(tensor => tensor.Name.Contains("layers.0.self_attn.q_proj", StringComparison.Ordinal)).Select(tensor => (tensor.Name, tensor.Type.ToString())).Order());
        Assert.Equal("BF16", file.Tensors.Single(tensor => tensor.Name == "model.embed_tokens.weight").Type.ToString());
    }

    [Fact]
    public async Task MlxFolder_OfAMultimodalModel_HasTheLanguageModel()
    {
        using var folder = new TemporaryFolder();
        var plan = ExportPlan.Create(Path.Combine(TestPaths.Golden("gemma3-vision"), "hf"), folder.File("out"), new ExportOptions { Format = ExportFormat.Mlx });
        Assert.Contains(plan.Notes, note => note.Contains("images", StringComparison.Ordinal));
        var result = await ModelExporter.RunAsync(plan);
        var written = new ExportedFolder(result.Output);
        // mlx_lm/models/gemma3.py: sanitize looks for "language_model", whose modules are those of gemma3_text.
        Assert.All(written.Tensors.Keys, name => Assert.StartsWith("language_model.model.", name));
        Assert.Null(written.Config["vision_config"]);
        Assert.NotNull(written.Config["text_config"]);
    }

    [Fact]
    public async Task Folder_IsReplacedOnlyWhenAsked_AndOnlyAModels()
    {
        using var folder = new TemporaryFolder();
        var source = TestPaths.Model("demo-gemma");
        var options = new ExportOptions { Format = ExportFormat.Mlx };
        await ModelExporter.RunAsync(ExportPlan.Create(source, folder.File("out"), options));
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => ExportPlan.Create(source, folder.File("out"), options)).Kind);
        File.WriteAllText(Path.Combine(folder.File("out"), "old.txt"), "old");
        var result = await ModelExporter.RunAsync(ExportPlan.Create(source, folder.File("out"), options with { Overwrite = true, Format = ExportFormat.CompressedTensors }));
        Assert.False(File.Exists(Path.Combine(result.Output, "old.txt")));
        Assert.Equal([result.Output], Directory.EnumerateFileSystemEntries(folder.Path));

        File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder.File("home")).FullName, "letter.txt"), "dear");
        Assert.Contains("not a model folder", Assert.Throws<ModelOpsException>(() => ExportPlan.Create(source, folder.File("home"), options with { Overwrite = true })).Message);
        Assert.Contains("what is exported", Assert.Throws<ModelOpsException>(() => ExportPlan.Create(result.Output, result.Output, options with { Overwrite = true })).Message);
        Assert.Equal(ErrorKind.FileNotFound, Assert.Throws<ModelOpsException>(() => ExportPlan.Create(source, folder.File("none/out"), options)).Kind);
    }

    /// <summary>Replacing a folder removes what lies in it: never what is exported, by whatever name.</summary>
    [Fact]
    public async Task Source_IsNeverReplaced()
    {
        using var folder = new TemporaryFolder();
        var source = TinyCheckpoint.OfFolder(TestPaths.Model("demo-gemma")).Save(folder);
        var options = new ExportOptions { Format = ExportFormat.Mlx, Overwrite = true };
        var gguf = (await LatticeExportTests.ConvertAsync(source, Path.Combine(source, "model.gguf"), "Q8_0")).Output;
        void Refuses(string path, string output, ExportOptions options) => Assert.Contains("what is exported", Assert.Throws<ModelOpsException>(() => ExportPlan.Create(path, output, options)).Message);

        Refuses(gguf, source, options with { BaseModel = TestPaths.Model("demo-gemma") });
        Refuses(source, folder.Path, options);
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateSymbolicLink(folder.File("link"), folder.Path);
            Refuses(source, Path.Combine(folder.File("link"), "hf"), options);
            Refuses(Path.Combine(folder.File("link"), "hf"), source, options);
        }
        // Beside or below is no danger.
        Assert.NotEmpty(ExportPlan.Create(source, Path.Combine(source, "mlx"), options).Tensors);
        Assert.NotEmpty(ExportPlan.Create(source, folder.File("hf-mlx"), options).Tensors);
    }

    [Fact]
    public async Task FolderThatAppearsMeanwhile_IsKept_AndNothingLeftBesideIt()
    {
        using var folder = new TemporaryFolder();
        var plan = ExportPlan.Create(TestPaths.Model("demo-gemma"), folder.File("out"), new ExportOptions { Format = ExportFormat.Mlx });
        var appears = new Meanwhile(() => File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder.File("out")).FullName, "letter.txt"), "dear"));
        Assert.Contains("meanwhile", (await Assert.ThrowsAsync<ModelOpsException>(() => ModelExporter.RunAsync(plan with { Options = plan.Options with { Threads = 1 } }, appears))).Message);
        Assert.Equal([folder.File("out")], Directory.EnumerateFileSystemEntries(folder.Path));
        Assert.Equal(["letter.txt"], Directory.EnumerateFiles(folder.File("out")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task NumbersThatNoCodeStandsFor_AreNamed()
    {
        using var folder = new TemporaryFolder();
        var model = TinyCheckpoint.OfFolder(TestPaths.Model("demo-gemma"));
        BitConverter.TryWriteBytes(model.Tensors["model.layers.1.mlp.up_proj.weight"].Data.AsSpan(100), (ushort)0x7FC0);
        var source = model.Save(folder);
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => LatticeExportTests.ExportAsync(source, folder, ExportFormat.Mlx));
        Assert.Equal((ErrorKind.CorruptFile, "'model.layers.1.mlp.up_proj.weight' holds a NaN, which no code stands for."), (error.Kind, error.Message));
        Assert.Equal([source], Directory.EnumerateFileSystemEntries(folder.Path));
    }

    /// <summary>mlx_lm/models/llama.py: tie_word_embeddings is true by default, and a tied model drops its head; the model library's is false.</summary>
    [Theory]
    [InlineData("llama", false)]
    [InlineData("gemma3", true)]
    public void MlxFolder_SaysWhetherTheHeadIsTied(string golden, bool isTied)
    {
        using var folder = new TemporaryFolder();
        var model = TinyCheckpoint.Of(golden);
        model.Config.Remove("tie_word_embeddings");
        var plan = ExportPlan.Create(model.Save(folder), folder.File("out"), new ExportOptions { Format = ExportFormat.Mlx });
        Assert.Equal(!isTied, plan.Tensors.Any(tensor => tensor.Name == "lm_head.weight"));
        var config = JsonNode.Parse(plan.Work!.Made.Single(file => file.Name == "config.json").Content)!;
        Assert.Equal(isTied, config["tie_word_embeddings"]!.GetValue<bool>());
    }

    [Theory]
    [InlineData(ExportFormat.Mlx)]
    [InlineData(ExportFormat.CompressedTensors)]
    public void Experts_AreRefused(ExportFormat format)
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<ModelOpsException>(() => ExportPlan.Create(Path.Combine(TestPaths.Golden("gemma4-26b-a4b"), "hf"), folder.File("out"), new ExportOptions { Format = format }));
        Assert.Equal((ErrorKind.UnsupportedArchitecture, true), (error.Kind, error.Message.Contains("experts", StringComparison.Ordinal)));
    }

    [Fact]
    public void TowersOfOtherTypes_AreRefused_AndLeftOutForMlx()
    {
        using var folder = new TemporaryFolder();
        var model = TinyCheckpoint.Of("gemma3-vision");
        model.Tensors["vision_tower.vision_model.embeddings.position_ids"] = new TinyCheckpoint.Tensor("I64", [1, 4], new byte[32]);
        var source = model.Save(folder);
        var error = Assert.Throws<ModelOpsException>(() => ExportPlan.Create(source, folder.File("out"), new ExportOptions { Format = ExportFormat.CompressedTensors }));
        Assert.Equal((ErrorKind.UnsupportedType, true), (error.Kind, error.Message.Contains("position_ids", StringComparison.Ordinal)));
        Assert.NotEmpty(ExportPlan.Create(source, folder.File("out"), new ExportOptions { Format = ExportFormat.Mlx }).Tensors);
    }

    [Fact]
    public async Task StoppedRun_LeavesNothing()
    {
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        var plan = ExportPlan.Create(TestPaths.Model("demo-gemma"), folder.File("out"), new ExportOptions { Format = ExportFormat.Mlx });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ModelExporter.RunAsync(plan, new Meanwhile(stop.Cancel), stop.Token));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
        // What a killed run has left is no hindrance, and not taken along.
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder.File("out.modelops.incomplete")).FullName, "model.safetensors"), "half");
        var result = await ModelExporter.RunAsync(plan);
        Assert.Equal([result.Output], Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData("5", "32", null)]
    [InlineData("4", "48", null)]
    [InlineData("4", "32", "F64")]
    public void Nonsense_IsRefused(string bits, string group, string? number)
        => Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => ExportPlan.Create(
            TestPaths.Model("demo-gemma"), Path.GetTempPath() + "never", new ExportOptions { Format = ExportFormat.Mlx, Bits = int.Parse(bits), GroupSize = int.Parse(group), NumberType = number })).Kind);

    /// <summary>Does something at every report.</summary>
    private sealed class Meanwhile(Action action) : IProgress<ExportProgress>
    {
        public void Report(ExportProgress value) => action();
    }
}
