using System.Text.Json.Nodes;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>MLX: the affine lattice in all its widths, settings of single modules, stacked experts.</summary>
public sealed class MlxTests
{
    [Theory]
    [InlineData(2, 64)]
    [InlineData(3, 32)]
    [InlineData(4, 64)]
    [InlineData(5, 32)]
    [InlineData(6, 64)]
    [InlineData(8, 32)]
    public async Task Affine_ComesBack(int bits, int group)
    {
        var model = new QuantizedLlama($$"""{"group_size": {{group}}, "bits": {{bits}}}""", key: "quantization");
        var plan = await model.Quantize(module => Write(module, bits, group)).RequireSameAsync();
        Assert.Equal($"mlx affine {bits} bit, group {group}", plan.SourceQuantization);
    }

    [Theory]
    [InlineData(2, 64, "Q4_0", GgmlType.Q4_1)]
    [InlineData(3, 32, "Q4_K_S", GgmlType.Q4_1)]
    [InlineData(4, 32, "Q4_0", GgmlType.Q4_1)]
    [InlineData(4, 64, "Q4_K_M", GgmlType.Q4_1)]
    [InlineData(4, 64, "Q8_0", GgmlType.Q4_1)]
    [InlineData(5, 32, "Q5_0", GgmlType.Q5_1)]
    public async Task Affine_IsKept(int bits, int group, string recipe, GgmlType type)
        => await new QuantizedLlama($$"""{"group_size": {{group}}, "bits": {{bits}}}""", key: "quantization").Quantize(module => Write(module, bits, group)).RequireKeptAsync(recipe, type);

    /// <summary>Biases of minus half the codes' range, as a symmetric lattice has in MLX.</summary>
    [Theory]
    [InlineData(4, 32, "Q4_0", GgmlType.Q4_0)]
    [InlineData(5, 64, "Q5_K_M", GgmlType.Q5_0)]
    [InlineData(6, 64, "Q8_0", GgmlType.Q8_0)]
    [InlineData(8, 32, "Q8_0", GgmlType.Q8_0)]
    public async Task Affine_WithSymmetricBiases_IsKept(int bits, int group, string recipe, GgmlType type)
        => await new QuantizedLlama($$"""{"group_size": {{group}}, "bits": {{bits}}}""", key: "quantization").Quantize(module => Write(module, bits, group, zero: 1 << (bits - 1))).RequireKeptAsync(recipe, type);

    /// <summary>MLX quantises embeddings as well; llama.cpp's mix would give them more bits than they have.</summary>
    [Fact]
    public async Task Embeddings_AreKept()
    {
        using var folder = new TemporaryFolder();
        var model = new QuantizedLlama("""{"group_size": 32, "bits": 4}""", key: "quantization").Quantize(module => Write(module, 4, 32));
        model.Stored.Tensors.Remove("model.embed_tokens.weight");
        var weights = Write(new QuantizedLlama.Module(model, "model.embed_tokens", 384, QuantizedLlama.Hidden, new Random(3)), 4, 32);
        var plan = model.Plan(folder, new ConversionOptions { Type = "Q4_K_M" });
        var tensor = plan.Tensors.Single(tensor => tensor.Name == "token_embd.weight");
        Assert.Equal((GgmlType.Q4_1, "4 bit, group 32, biases"), (tensor.Type, tensor.LatticeKind));
        await ModelConverter.RunAsync(plan);
        Assert.Equal(weights, GgmlOracle.Dequantize(GgmlType.Q4_1, QuantizedLlama.Data(plan, tensor)));
    }

    /// <summary>The experts of a layer are codes too; each is its part of the stack.</summary>
    [Fact]
    public async Task StackedExperts_AreKept()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = TinyCheckpoint.Of("qwen3moe");
        var random = new Random(7);
        var expected = new Dictionary<string, float[]>();
        foreach (var stack in checkpoint.Tensors.Where(tensor => tensor.Key.Contains(".experts.", StringComparison.Ordinal)).GroupBy(tensor => tensor.Key.Split(".experts.")[0] + ".switch_mlp." + tensor.Key.Split('.')[^2]).ToList())
        {
            var (experts, rows, columns) = stack.Key.EndsWith("down_proj", StringComparison.Ordinal) ? (stack.Count(), 32, 64) : (stack.Count(), 64, 32);
            var codes = TestBits.Fill(experts * rows, columns, (_, _) => random.Next(16));
            var (scales, biases) = (Numbers(), Numbers());
            checkpoint.Tensors.Add(stack.Key + ".weight", new TinyCheckpoint.Tensor("U32", [experts, rows, columns / 8], TestBits.PackRows(codes, 4)));
            checkpoint.Tensors.Add(stack.Key + ".scales", new TinyCheckpoint.Tensor("F16", [experts, rows, columns / 32], TestBits.F16(scales)));
            checkpoint.Tensors.Add(stack.Key + ".biases", new TinyCheckpoint.Tensor("F16", [experts, rows, columns / 32], TestBits.F16(biases)));
            expected.Add(stack.Key, [.. TestBits.Fill(experts * rows, columns, (row, column) => (scales[row, column / 32] * codes[row, column]) + biases[row, column / 32]).Cast<float>()]);
            foreach (var tensor in stack)
                checkpoint.Tensors.Remove(tensor.Key);

            float[,] Numbers() => TestBits.Fill(experts * rows, columns / 32, (_, _) => (float)(Half)random.NextSingle());
        }
        checkpoint.Config["moe_intermediate_size"] = 64;
        checkpoint.Config["quantization"] = JsonNode.Parse("""{"group_size": 32, "bits": 4}""");
        var plan = ConversionPlan.Create(checkpoint.Save(folder), folder.File("model.gguf"), new ConversionOptions { Type = "Q4_0" });
        var result = await ModelConverter.RunAsync(plan);
        Assert.Equal(1, result.LatticeExactFraction);
        var kept = plan.Tensors.Where(tensor => tensor.Lattice).ToList();
        Assert.Equal(expected.Count, kept.Count);
        Assert.All(kept, tensor => Assert.Equal(expected[tensor.Sources[0][..tensor.Sources[0].LastIndexOf('.')]], GgmlOracle.Dequantize(GgmlType.Q4_1, QuantizedLlama.Data(plan, tensor))));
    }

    [Fact]
    public async Task Modules_WithSettingsOfTheirOwn_ComeBack()
    {
        var model = new QuantizedLlama("""{"group_size": 64, "bits": 4, "mode": "affine", "model.layers.0.mlp.down_proj": {"group_size": 32, "bits": 6}, "model.layers.0.mlp.up_proj": false}""", key: "quantization");
        await model.Quantize(module =>
        {
            if (module.Name.EndsWith("down_proj", StringComparison.Ordinal))
                return Write(module, 6, 32);
            if (!module.Name.EndsWith("up_proj", StringComparison.Ordinal))
                return Write(module, 4, 64);
            var weights = module.Weights((_, _) => (float)module.Random.NextDouble());
            module.Store(".weight", "F32", TestBits.Bytes(weights), module.Outputs, module.Inputs);
            return weights;
        }).RequireSameAsync();
    }

    [Fact]
    public async Task MxFp8_ComesBack()
        => await new QuantizedLlama("""{"group_size": 32, "bits": 8, "mode": "mxfp8"}""", key: "quantization").Quantize(module =>
        {
            var codes = TestBits.Fill(module.Outputs, module.Inputs, (_, _) => TestBits.RandomFloat8(module.Random, 4));
            var scales = module.Codes(module.Outputs, module.Inputs / 32, 100, 140);
            module.Store(".weight", "U32", [.. codes.Cast<int>().Select(code => (byte)code)], module.Outputs, module.Inputs / 4);
            module.Store(".scales", "U8", [.. scales.Cast<int>().Select(scale => (byte)scale)], module.Outputs, module.Inputs / 32);
            return module.Weights((n, k) => TestBits.Float8(codes[n, k], 4) * (float)Math.Pow(2, scales[n, k / 32] - 127));
        }).RequireSameAsync();

    [Fact]
    public async Task StackedExperts_AreThoseOfTheLibrary()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = TinyCheckpoint.Of("qwen3moe");
        var expected = ConversionPlan.Create(checkpoint.Save(folder), folder.File("expected.gguf"), new ConversionOptions { Type = "F32" });
        await ModelConverter.RunAsync(expected);
        foreach (var stack in checkpoint.Tensors.Where(tensor => tensor.Key.Contains(".experts.", StringComparison.Ordinal)).GroupBy(tensor => tensor.Key.Split(".experts.")[0] + ".switch_mlp." + tensor.Key.Split('.')[^2] + ".weight").ToList())
        {
            checkpoint.Tensors.Add(stack.Key, new TinyCheckpoint.Tensor("BF16", [4, .. stack.First().Value.Shape], [.. stack.SelectMany(tensor => tensor.Value.Data)]));
            foreach (var tensor in stack)
                checkpoint.Tensors.Remove(tensor.Key);
        }
        checkpoint.Config["quantization"] = JsonNode.Parse("""{"group_size": 64, "bits": 4}""");
        var plan = ConversionPlan.Create(checkpoint.Save(folder), folder.File("model.gguf"), new ConversionOptions { Type = "F32" });
        await ModelConverter.RunAsync(plan);
        Assert.Equal(expected.Tensors.Count, plan.Tensors.Count);
        Assert.All(expected.Tensors, tensor => Assert.Equal(QuantizedLlama.Data(expected, tensor), QuantizedLlama.Data(plan, plan.Tensors.Single(other => other.Name == tensor.Name))));
    }

    internal static float[] Write(QuantizedLlama.Module module, int bits, int group, int? zero = null)
    {
        var (codes, scales, biases) = (module.Codes(module.Outputs, module.Inputs, 0, (1 << bits) - 1), module.Scales(module.Outputs, module.Inputs / group), module.Scales(module.Outputs, module.Inputs / group));
        if (zero is { } code)
            biases = TestBits.Fill(module.Outputs, module.Inputs / group, (row, column) => -code * scales[row, column]);
        module.Store(".weight", "U32", TestBits.PackRows(codes, bits), module.Outputs, module.Inputs * bits / 32);
        module.Store(".scales", "BF16", TestBits.BF16(scales), module.Outputs, module.Inputs / group);
        module.Store(".biases", "BF16", TestBits.BF16(biases), module.Outputs, module.Inputs / group);
        return module.Weights((n, k) => (scales[n, k / group] * codes[n, k]) + biases[n, k / group]);
    }
}
