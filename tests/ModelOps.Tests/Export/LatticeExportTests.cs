using ModelOps.Tests.Conversion;
using ModelOps.Tests.Conversion.Quantized;
using Xunit;

namespace ModelOps.Tests.Export;

/// <summary>
/// Quantised checkpoints written by the tests' own writers, exported, and decoded by the tests' own reader: the weights must be those of the
/// format's formula, bit for bit; and our converter must read the folder as it reads the source.
/// </summary>
public sealed class LatticeExportTests
{
    private static readonly string[] Matrices = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

    public static TheoryData<string, ExportFormat> Sources
    {
        get
        {
            var data = new TheoryData<string, ExportFormat>();
            foreach (var source in new[] { "gptq symmetric 32", "gptq symmetric 64", "gptq symmetric rows", "gptq 32", "gptq 8 symmetric 32", "gptq 3 symmetric 64", "gptq 2 symmetric 32", "awq 32", "awq 64", "ct 32", "ct 8 32", "ct 6 32", "ct asymmetric 64", "ct int8 rows" })
            {
                data.Add(source, ExportFormat.Mlx);
                data.Add(source, ExportFormat.CompressedTensors);
            }
            data.Add("gptq ordered 32", ExportFormat.CompressedTensors);
            data.Add("ct ordered 32", ExportFormat.CompressedTensors);
            data.Add("mlx 4 64", ExportFormat.Mlx);
            data.Add("mlx 6 32", ExportFormat.Mlx);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Sources))]
    public async Task Lattice_IsKept(string source, ExportFormat format)
    {
        using var folder = new TemporaryFolder();
        var model = Write(source);
        var result = await ExportAsync(model.Stored.Save(folder), folder, format);
        var written = new ExportedFolder(result.Output);
        foreach (var module in Matrices.Select(module => "model.layers.0." + module))
        {
            var expected = ExportedFolder.Numbers(model.Plain.Tensors[module + ".weight"]);
            var actual = format == ExportFormat.Mlx ? written.Mlx(module) : written.CompressedTensors(module);
            Assert.Equal(expected.Select(Bits), actual.Select(Bits));
        }
        Assert.Equal(1, result.LatticeExactFraction);
        Assert.All(result.Tensors.Where(tensor => tensor.Treatment == ExportTreatment.Lattice), tensor => Assert.Equal((tensor.Weights, 0, 0), (tensor.ExactWeights, tensor.LargestError, tensor.RmsError)));
        await RequireReadBackAsync(model, result.Output, folder);
    }

    [Fact]
    public async Task OrderedGroups_AreRoundedForMlx_AndToldOf()
    {
        using var folder = new TemporaryFolder();
        var plan = ExportPlan.Create(Write("gptq ordered 32").Stored.Save(folder), folder.File("out"), new ExportOptions { Format = ExportFormat.Mlx });
        Assert.Contains("rounded once more", Assert.Single(plan.Warnings, warning => warning.Contains("quantised already", StringComparison.Ordinal)));
        var result = await ModelExporter.RunAsync(plan);
        var rounded = result.Tensors.Where(tensor => tensor.Treatment == ExportTreatment.Rounded).ToList();
        Assert.Equal(7, rounded.Count);
        Assert.All(rounded, tensor => Assert.True(tensor.RmsError > 0 && tensor.LargestError > tensor.RmsError && tensor.ExactWeights < tensor.Weights));
    }

    [Fact]
    public async Task FusedModules_OrderedEachInItsOwnWay_AreRounded()
    {
        using var folder = new TemporaryFolder();
        var model = new QuantizedLlama("""{"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": true}""").Quantize(module => GptqTests.Write(module with { Order = module.Random }, 4, 32, true, true));
        var result = await ExportAsync(model.Stored.Save(folder), folder, ExportFormat.CompressedTensors);
        Assert.Equal(["down_proj", "o_proj"], result.Tensors.Where(tensor => tensor.Treatment == ExportTreatment.Lattice).Select(tensor => tensor.Name.Split('.')[^2]).Order());
        Assert.Equal(1, result.LatticeExactFraction);
        Assert.Equal(5, result.Tensors.Count(tensor => tensor.Treatment == ExportTreatment.Rounded));
    }

    [Fact]
    public async Task FusedModules_HaveOneScheme()
    {
        using var folder = new TemporaryFolder();
        // v has more bits, k a coarser group, up zeros of its own.
        var model = new QuantizedLlama("""{"quant_method": "gptq", "bits": 4, "group_size": 32, "dynamic": {"+:.*v_proj": {"bits": 8}}}""").Quantize(module => module.Name.Split('.')[^1] switch
        {
            "v_proj" => GptqTests.Write(module, 8, 32, true, false, 128),
            "k_proj" => GptqTests.Write(module, 4, 64, true, false, 8),
            "up_proj" => GptqTests.Write(module, 4, 32, true, false),
            _ => GptqTests.Write(module, 4, 32, true, false, 8),
        });
        var result = await ExportAsync(model.Stored.Save(folder), folder, ExportFormat.CompressedTensors);
        Assert.Equal(1, result.LatticeExactFraction);
        ExportScheme Of(string module) => result.Tensors.Single(tensor => tensor.Name.EndsWith(module + ".weight", StringComparison.Ordinal)).Scheme!;
        Assert.All(["q_proj", "k_proj", "v_proj"], module => Assert.Equal(new ExportScheme(8, 32, true), Of(module)));
        Assert.All(["gate_proj", "up_proj"], module => Assert.Equal(new ExportScheme(4, 32, false), Of(module)));
        Assert.All(["o_proj", "down_proj"], module => Assert.Equal(new ExportScheme(4, 32, true), Of(module)));
        var written = new ExportedFolder(result.Output);
        foreach (var module in Matrices.Select(module => "model.layers.0." + module))
            Assert.Equal(ExportedFolder.Numbers(model.Plain.Tensors[module + ".weight"]).Select(Bits), written.CompressedTensors(module).Select(Bits));
        // vLLM finds "Linear" before it looks at the parts of a fused module, so that several schemes must name their modules.
        Assert.DoesNotContain("Linear", written.Config["quantization_config"]!.ToJsonString());
        await RequireReadBackAsync(model, result.Output, folder);
    }

    /// <summary>vLLM refuses a fused module of which some parts are ignored and others are not (vllm/model_executor/layers/quantization/compressed_tensors/utils.py, should_ignore_layer).</summary>
    [Fact]
    public async Task FusedModules_OfWhichOneIsNumbers_AreNumbers()
    {
        using var folder = new TemporaryFolder();
        var model = new QuantizedLlama("""{"quant_method": "gptq", "bits": 4, "group_size": 32, "dynamic": {"-:.*v_proj": {}}}""").Quantize(module =>
        {
            if (!module.Name.EndsWith("v_proj", StringComparison.Ordinal))
                return GptqTests.Write(module, 4, 32, true, false, 8);
            var weights = module.Scales(module.Outputs, module.Inputs);
            module.Store(".weight", "F16", TestBits.F16(weights), module.Outputs, module.Inputs);
            return module.Weights((n, k) => weights[n, k]);
        });
        var source = model.Stored.Save(folder);
        var result = await ExportAsync(source, folder, ExportFormat.CompressedTensors);
        string[] numbers = ["k_proj", "q_proj", "v_proj"];
        Assert.Equal(numbers, result.Tensors.Where(tensor => tensor.Treatment == ExportTreatment.Copied && tensor.Name.Contains("_proj", StringComparison.Ordinal)).Select(tensor => tensor.Name.Split('.')[^2]).Order());
        var written = new ExportedFolder(result.Output);
        var ignored = written.Config["quantization_config"]!["ignore"]!.AsArray().Select(name => name!.GetValue<string>()).ToList();
        foreach (var module in numbers.Select(name => "model.layers.0.self_attn." + name))
        {
            Assert.Contains(module, ignored);
            Assert.Equal(ExportedFolder.Numbers(model.Plain.Tensors[module + ".weight"]).Select(Bits), written.Numbers(module + ".weight").Select(Bits));
        }
        Assert.Contains(result.Notes, note => note.Contains("q_proj", StringComparison.Ordinal));
        // MLX loads each by itself.
        Assert.Equal(6, ExportPlan.Create(source, folder.File("mlx"), new ExportOptions { Format = ExportFormat.Mlx }).Tensors.Count(tensor => tensor.Treatment == ExportTreatment.Lattice));
    }

    internal static Task<ExportResult> ExportAsync(string source, TemporaryFolder folder, ExportFormat format, ExportOptions? options = null)
        => ModelExporter.RunAsync(ExportPlan.Create(source, folder.File($"exported-{format}"), (options ?? new ExportOptions { Format = format }) with { Format = format }));

    internal static uint Bits(float number) => BitConverter.SingleToUInt32Bits(number + 0f);

    /// <summary>The folder, converted, has the matrices of the plain model in every bit.</summary>
    private static async Task RequireReadBackAsync(QuantizedLlama model, string exported, TemporaryFolder folder)
    {
        Directory.Delete(folder.File("hf"), recursive: true);
        var plain = await ConvertAsync(model.Plain.Save(folder), folder.File("plain.gguf"));
        var read = await ConvertAsync(exported, folder.File("read.gguf"));
        foreach (var tensor in plain.Tensors.Where(tensor => tensor.Name.StartsWith("blk.", StringComparison.Ordinal) && tensor.Shape.Count == 2))
            Assert.Equal(Floats(plain, tensor).Select(Bits), Floats(read, read.Tensors.Single(other => other.Name == tensor.Name)).Select(Bits));
    }

    private static float[] Floats(ConversionPlan plan, PlannedTensor tensor) => TestBits.Floats(QuantizedLlama.Data(plan, tensor));

    internal static async Task<ConversionPlan> ConvertAsync(string source, string output, string type = "F32")
    {
        var plan = ConversionPlan.Create(source, output, new ConversionOptions { Type = type, Overwrite = true });
        await ModelConverter.RunAsync(plan);
        return plan;
    }

    private static QuantizedLlama Write(string source)
    {
        var words = source.Split(' ');
        var bits = words.Select(word => int.TryParse(word, out var number) && number <= 8 ? number : 0).Max() is var said and > 0 ? said : 4;
        var group = words.Select(word => int.TryParse(word, out var number) && number > 8 ? number : 0).Max() is var size and > 0 ? size : -1;
        var (isSymmetric, isOrdered) = (words.Contains("symmetric"), words.Contains("ordered"));
        return words[0] switch
        {
            "gptq" => new QuantizedLlama($$"""{"quant_method": "gptq", "bits": {{bits}}, "group_size": {{group}}, "desc_act": {{(isOrdered ? "true" : "false")}}}""")
                .Quantize(module => GptqTests.Write(module, bits, group, true, isOrdered, isSymmetric ? 1 << (bits - 1) : null)),
            "awq" => new QuantizedLlama($$"""{"quant_method": "awq", "bits": 4, "group_size": {{group}}, "version": "gemm", "zero_point": true}""").Quantize(module => GptqTests.WriteAwq(module, group)),
            "mlx" => new QuantizedLlama($$"""{"group_size": {{group}}, "bits": {{bits}}}""", key: "quantization").Quantize(module => MlxTests.Write(module, bits, group)),
            _ when words.Contains("int8") => new QuantizedLlama(CompressedTensorsTests.Config("int-quantized", 8, "int", "channel", true)).Quantize(module =>
            {
                var (codes, scales) = (module.Codes(module.Outputs, module.Inputs, -128, 127), module.Scales(module.Outputs, 1));
                module.Store(".weight", "I8", TestBits.I8(codes), module.Outputs, module.Inputs);
                module.Store(".weight_scale", "BF16", TestBits.BF16(scales), module.Outputs, 1);
                return module.Weights((n, k) => scales[n, 0] * codes[n, k]);
            }),
            _ => new QuantizedLlama(CompressedTensorsTests.Config("pack-quantized", bits, "int", "group", !words.Contains("asymmetric"), $"\"group_size\": {group}, \"actorder\": {(isOrdered ? "\"group\"" : "null")}"))
                .Quantize(module => CompressedTensorsTests.WritePacked(module, bits, group, !words.Contains("asymmetric"), 0, isOrdered)),
        };
    }
}
