using System.Buffers.Binary;
using ModelOps.Tests.Conversion;
using ModelOps.Tests.Conversion.Quantized;
using Xunit;

namespace ModelOps.Tests.Export;

/// <summary>Out of GGUF files: names, the order of rows and what norms had added are the checkpoint's again, and blocks keep their codes.</summary>
public sealed class GgufExportTests
{
    [Theory]
    [InlineData(ExportFormat.Mlx, true)]
    [InlineData(ExportFormat.CompressedTensors, true)]
    [InlineData(ExportFormat.Mlx, false)]
    public async Task QatModel_IsExact_AllTheWayRound(ExportFormat format, bool hasWeights)
    {
        using var folder = new TemporaryFolder();
        var source = TestPaths.Model("demo-gemma-qat");
        // The embedding is on no lattice, and a Q6_K would lose of it.
        var converted = ConversionPlan.Create(source, folder.File("model.gguf"), new ConversionOptions { Type = "Q4_0", Overrides = RecipeOverrides.None with { EmbeddingType = GgmlType.BF16 } });
        await ModelConverter.RunAsync(converted);
        var gguf = converted.Output;
        var named = hasWeights ? source : WithoutWeights(source, folder);
        var result = await LatticeExportTests.ExportAsync(gguf, folder, format, new ExportOptions { Format = format, BaseModel = named });

        Assert.All(result.Tensors, tensor => Assert.True(tensor.ExactWeights == tensor.Weights, tensor.ToString()));
        Assert.Equal((1, "BF16"), (result.ExactFraction, result.NumberType));
        var (written, original) = (new ExportedFolder(result.Output), TinyCheckpoint.OfFolder(source));
        Assert.Equal(original.Tensors.Keys, result.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
        foreach (var tensor in result.Tensors)
        {
            var module = tensor.Name[..^".weight".Length];
            var weights = tensor.Scheme is null ? written.Numbers(tensor.Name) : format == ExportFormat.Mlx ? written.Mlx(module) : written.CompressedTensors(module);
            // The checkpoint rounded the products to BF16; norms are those before the conversion added one.
            Assert.Equal(ExportedFolder.Numbers(original.Tensors[tensor.Name]).Select(LatticeExportTests.Bits), weights.Select(TrainedExportTests.ToBF16).Select(LatticeExportTests.Bits));
        }
    }

    /// <summary>What the folder gives when it is converted is what the GGUF decodes to, bit for bit: rows permuted for rotary pairs came back and went again.</summary>
    [Theory]
    [InlineData("llama", "Q4_0", ExportFormat.Mlx)]
    [InlineData("llama", "Q4_1", ExportFormat.Mlx)]
    [InlineData("llama", "Q5_0", ExportFormat.Mlx)]
    [InlineData("llama", "Q5_1", ExportFormat.Mlx)]
    [InlineData("llama", "Q8_0", ExportFormat.Mlx)]
    [InlineData("llama", "Q4_0", ExportFormat.CompressedTensors)]
    [InlineData("llama", "Q5_0", ExportFormat.CompressedTensors)]
    [InlineData("llama", "Q8_0", ExportFormat.CompressedTensors)]
    [InlineData("qwen2", "Q8_0", ExportFormat.CompressedTensors)]
    [InlineData("qwen3", "Q8_0", ExportFormat.Mlx)]
    [InlineData("mistral", "Q8_0", ExportFormat.CompressedTensors)]
    public async Task Blocks_KeepTheirCodes(string golden, string type, ExportFormat format)
    {
        using var folder = new TemporaryFolder();
        var source = Path.Combine(TestPaths.Golden(golden), "hf");
        var converted = await LatticeExportTests.ConvertAsync(source, folder.File("model.gguf"), type);
        var gguf = converted.Output;
        var result = await LatticeExportTests.ExportAsync(gguf, folder, format, new ExportOptions { Format = format, BaseModel = source, NumberType = "F16" });
        Assert.Equal(1, result.LatticeExactFraction);
        var (decoded, read) = (await LatticeExportTests.ConvertAsync(gguf, folder.File("decoded.gguf")), await LatticeExportTests.ConvertAsync(result.Output, folder.File("read.gguf")));
        var matrices = decoded.Tensors.Where(tensor => tensor.Name.StartsWith("blk.", StringComparison.Ordinal) && tensor.Shape.Count == 2).ToList();
        Assert.True(matrices.Count >= 7);
        Assert.All(matrices, tensor => Assert.Equal(Data(decoded, tensor.Name), Data(read, tensor.Name)));
        // Not all: rows that are no whole blocks are F16 in the GGUF, and vLLM takes embeddings and the head as numbers.
        var kept = converted.Tensors.Where(tensor => tensor.Type.BlockLength() > 1 && (format == ExportFormat.Mlx || tensor.Name.StartsWith("blk.", StringComparison.Ordinal)));
        Assert.Equal(kept.Count(), result.Tensors.Count(tensor => tensor.Treatment == ExportTreatment.Lattice));
    }

    /// <summary>A file that llama.cpp's own converter wrote: its permuted rows are the checkpoint's again.</summary>
    [Theory]
    [InlineData("llama")]
    [InlineData("gemma3")]
    public async Task OfficialFile_HasTheCheckpointsWeights(string golden)
    {
        using var folder = new TemporaryFolder();
        var source = Path.Combine(TestPaths.Golden(golden), "hf");
        var result = await LatticeExportTests.ExportAsync(Path.Combine(TestPaths.Golden(golden), "official.f32.gguf"), folder, ExportFormat.CompressedTensors, new ExportOptions { Format = ExportFormat.CompressedTensors, BaseModel = source, Bits = 8 });
        var (written, original) = (new ExportedFolder(result.Output), TinyCheckpoint.OfFolder(source));
        Assert.Equal(original.Tensors.Keys.Where(name => !name.EndsWith("inv_freq", StringComparison.Ordinal)), result.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
        foreach (var tensor in result.Tensors)
        {
            var expected = ExportedFolder.Numbers(original.Tensors[tensor.Name]);
            var actual = tensor.Scheme is null ? written.Numbers(tensor.Name) : written.CompressedTensors(tensor.Name[..^".weight".Length]);
            var tolerance = tensor.Scheme is null ? 0 : expected.Max(Math.Abs) / 127;
            Assert.All(expected.Zip(actual), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= tolerance, $"{tensor.Name}: {pair}"));
        }
    }

    [Fact]
    public async Task KTypes_AreRounded_AndToldOf()
    {
        using var folder = new TemporaryFolder();
        var source = TestPaths.Model("demo-gemma");
        var gguf = (await LatticeExportTests.ConvertAsync(source, folder.File("model.gguf"), "Q4_K_M")).Output;
        var plan = ExportPlan.Create(gguf, folder.File("out"), new ExportOptions { Format = ExportFormat.CompressedTensors, BaseModel = source });
        Assert.Contains(plan.Warnings, warning => warning.Contains("rounded once more, to 4 or 8 bits", StringComparison.Ordinal));
        var result = await ModelExporter.RunAsync(plan);
        Assert.True(result.RelativeError is > 0 and < 0.1);
        Assert.All(result.Tensors.Where(tensor => tensor.Scheme?.Bits == 8), tensor => Assert.True(tensor.RelativeError < 0.01, tensor.ToString()));
    }

    /// <summary>
    /// Biases of −8 steps make Q4_1 symmetric; all but those of the first row, which a plan does not look at. What is stored there is rounded, and the
    /// report says so.
    /// </summary>
    [Fact]
    public async Task WhatASampleMissed_IsRounded_AndToldOf()
    {
        using var folder = new TemporaryFolder();
        var source = Path.Combine(TestPaths.Golden("llama"), "hf");
        var gguf = await LatticeExportTests.ConvertAsync(source, folder.File("model.gguf"), "Q4_1");
        var bytes = File.ReadAllBytes(gguf.Output);
        foreach (var tensor in gguf.Tensors.Where(tensor => tensor.Type == GgmlType.Q4_1))
        {
            for (var at = tensor.Offset; at < tensor.Offset + tensor.Bytes; at += GgmlType.Q4_1.BlockBytes())
            {
                var block = bytes.AsSpan((int)at);
                BinaryPrimitives.WriteHalfLittleEndian(block[2..], BinaryPrimitives.ReadHalfLittleEndian(block) * (Half)(at == tensor.Offset ? -3 : -8));
            }
        }
        File.WriteAllBytes(gguf.Output, bytes);
        var result = await LatticeExportTests.ExportAsync(gguf.Output, folder, ExportFormat.CompressedTensors, new ExportOptions { Format = ExportFormat.CompressedTensors, BaseModel = source, NumberType = "F16" });
        var (written, decoded) = (new ExportedFolder(result.Output), await LatticeExportTests.ConvertAsync(gguf.Output, folder.File("decoded.gguf")));
        foreach (var (module, name) in new[] { ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"), ("mlp.gate_proj", "ffn_gate") })
        {
            var said = result.Tensors.Single(tensor => tensor.Name == $"model.layers.0.{module}.weight");
            Assert.Equal((ExportTreatment.Lattice, new ExportScheme(4, 32, true)), (said.Treatment, said.Scheme));
            var errors = Floats(decoded, $"blk.0.{name}.weight").Zip(written.CompressedTensors("model.layers.0." + module), (a, b) => Math.Abs(a - b)).ToList();
            Assert.Equal((errors.LongCount(error => error == 0), errors.Max()), (said.ExactWeights, said.LargestError));
            Assert.InRange(said.ExactWeights, said.Weights - 32, said.Weights - 1);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task LanguageModelOfAMultimodalOne(bool hasWeights)
    {
        using var folder = new TemporaryFolder();
        var source = Path.Combine(TestPaths.Golden("gemma3-vision"), "hf");
        var gguf = (await LatticeExportTests.ConvertAsync(source, folder.File("model.gguf"), "Q8_0")).Output;
        var plan = ExportPlan.Create(gguf, folder.File("out"), new ExportOptions { Format = ExportFormat.CompressedTensors, BaseModel = hasWeights ? source : WithoutWeights(source, folder) });
        var result = await ModelExporter.RunAsync(plan);
        var (written, original) = (new ExportedFolder(result.Output), TinyCheckpoint.OfFolder(source));
        Assert.Equal(hasWeights ? "Gemma3ForConditionalGeneration" : "Gemma3ForCausalLM", written.Config["architectures"]![0]!.GetValue<string>());
        Assert.Equal(hasWeights, written.Config["text_config"] is not null);
        var towers = original.Tensors.Where(tensor => tensor.Key.Contains("vision_tower", StringComparison.Ordinal) || tensor.Key.Contains("multi_modal", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(towers);
        if (hasWeights)
            Assert.All(towers, tower => Assert.Equal((tower.Value.Type, Convert.ToHexString(tower.Value.Data)), (written.Tensors[tower.Key].Type, Convert.ToHexString(written.Tensors[tower.Key].Data))));
        else
            Assert.Contains(written.Tensors.Keys, name => name.StartsWith("model.layers.0.", StringComparison.Ordinal));
        // Our converter takes it for the same language model.
        var (decoded, read) = (await LatticeExportTests.ConvertAsync(gguf, folder.File("decoded.gguf")), await LatticeExportTests.ConvertAsync(result.Output, folder.File("read.gguf")));
        Assert.Equal(decoded.Tensors.Select(tensor => tensor.Name).Order(), read.Tensors.Select(tensor => tensor.Name).Order());
    }

    [Fact]
    public async Task WhatIsMissing_IsSaid()
    {
        using var folder = new TemporaryFolder();
        var llama = Path.Combine(TestPaths.Golden("llama"), "hf");
        var gguf = (await LatticeExportTests.ConvertAsync(llama, folder.File("model.gguf"), "Q8_0")).Output;
        ModelOpsException Fails(string path, string? named) => Assert.Throws<ModelOpsException>(() => ExportPlan.Create(path, folder.File("out"), new ExportOptions { Format = ExportFormat.Mlx, BaseModel = named }));

        Assert.Contains("--base", Fails(gguf, null).Hint);
        var other = Fails(gguf, Path.Combine(TestPaths.Golden("qwen3"), "hf"));
        Assert.Equal((ErrorKind.InvalidArgument, true), (other.Kind, other.Message.Contains("Qwen3ForCausalLM", StringComparison.Ordinal)));
        var deeper = TinyCheckpoint.Of("llama");
        deeper.Config["num_hidden_layers"] = 40;
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder.File("deeper")).FullName, "config.json"), deeper.Config.ToJsonString());
        var incomplete = Fails(gguf, folder.File("deeper"));
        // 38 layers of nine tensors; the first that is missing is named.
        Assert.Equal((ErrorKind.CorruptFile, true, true), (incomplete.Kind, incomplete.Message.Contains("lacks 342 tensors", StringComparison.Ordinal), incomplete.Message.Contains("blk.2.", StringComparison.Ordinal)));
        Assert.Equal(ErrorKind.UnsupportedArchitecture, Fails(Path.Combine(TestPaths.Golden("mamba2"), "hf"), null).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Fails(llama, llama).Kind);
    }

    /// <summary>A tensor's numbers; a negative scale makes minus zeros, which a bias does not.</summary>
    private static IEnumerable<uint> Data(ConversionPlan plan, string name) => Floats(plan, name).Select(LatticeExportTests.Bits);

    private static float[] Floats(ConversionPlan plan, string name) => TestBits.Floats(QuantizedLlama.Data(plan, plan.Tensors.Single(tensor => tensor.Name == name)));

    private static string WithoutWeights(string source, TemporaryFolder folder)
    {
        var copy = Directory.CreateDirectory(folder.File("base")).FullName;
        foreach (var file in Directory.EnumerateFiles(source).Where(file => !file.EndsWith(".safetensors", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        return copy;
    }
}
