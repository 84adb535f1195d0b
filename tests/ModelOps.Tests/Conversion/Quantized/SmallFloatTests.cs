using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>8- and 4-bit floats: computed weights come back bit for bit, kept blocks are decoded by ggml itself.</summary>
public sealed class SmallFloatTests
{
    [Theory]
    [InlineData(4, ".weight_scale")]
    [InlineData(4, ".weight_scale_inv")]
    [InlineData(4, ".qscale_weight")]
    [InlineData(5, ".weight_scale")]
    public async Task Fp8_WithOneScale_ComesBack(int exponentBits, string suffix)
        => await new QuantizedLlama("""{"quant_method": "fp8", "activation_scheme": "static"}""").Quantize(module =>
        {
            var codes = Float8Codes(module, exponentBits);
            var scale = module.Scales(1, 1)[0, 0];
            module.Store(suffix, "F32", TestBits.Bytes([scale]));
            module.Store(".activation_scale", "F32", TestBits.Bytes([3f]));
            return module.Weights((n, k) => TestBits.Float8(codes[n, k], exponentBits) * scale);
        }).RequireSameAsync();

    [Theory]
    [InlineData(128, 128, "F32")]
    [InlineData(64, 48, "BF16")]
    public async Task Fp8_InBlocks_ComesBack(int rows, int columns, string type)
    {
        var plan = await new QuantizedLlama($$"""{"quant_method": "fp8", "weight_block_size": [{{rows}}, {{columns}}]}""").Quantize(module =>
        {
            var codes = Float8Codes(module, 4);
            var scales = module.Scales((module.Outputs + rows - 1) / rows, (module.Inputs + columns - 1) / columns);
            module.Store(".weight_scale_inv", type, type == "BF16" ? TestBits.BF16(scales) : TestBits.F32(scales), scales.GetLength(0), scales.GetLength(1));
            return module.Weights((n, k) => TestBits.Float8(codes[n, k], 4) * scales[n / rows, k / columns]);
        }).RequireSameAsync();
        Assert.Equal($"fp8, blocks of {rows} x {columns}", plan.SourceQuantization);
    }

    [Fact]
    public async Task ModelOpt_Fp8_ComesBack()
        => await new QuantizedLlama("""{"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_scheme": {"num_bits": 8}}""").Quantize(module =>
        {
            var codes = Float8Codes(module, 4);
            var scale = module.Scales(1, 1)[0, 0];
            module.Store(".weight_scale", "F32", TestBits.Bytes([scale]));
            module.Store(".input_scale", "F32", TestBits.Bytes([0.25f]));
            if (module.Name.EndsWith("k_proj", StringComparison.Ordinal))
                module.Store(".k_scale", "F32", TestBits.Bytes([1f]));
            return module.Weights((n, k) => TestBits.Float8(codes[n, k], 4) * scale);
        }).RequireSameAsync();

    /// <summary>The number for the whole is divided by here, and multiplied with by ModelOpt.</summary>
    [Theory]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized", "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16}}}}""", ".weight_packed", ".weight_global_scale")]
    [InlineData("""{"quant_method": "modelopt", "quant_algo": "NVFP4"}""", ".weight", ".weight_scale_2")]
    [InlineData("""{"group_size": 16, "bits": 4, "mode": "nvfp4"}""", ".weight", null)]
    public async Task NvFp4_IsKept_AndDecodesToTheSame(string config, string suffix, string? factorSuffix)
    {
        var factor = factorSuffix is null ? 1 : 0.0625f;
        var plan = await Kept(config, GgmlType.NVFP4, factor, module =>
        {
            var (codes, scales) = (module.Codes(module.Outputs, module.Inputs, 0, 15), module.Codes(module.Outputs, module.Inputs / 16, 1, 0x7E));
            var isMlx = factorSuffix is null;
            module.Store(suffix, isMlx ? "U32" : "U8", TestBits.Nibbles(codes), module.Outputs, module.Inputs / (isMlx ? 8 : 2));
            module.Store(isMlx ? ".scales" : ".weight_scale", isMlx ? "U8" : "F8_E4M3", [.. scales.Cast<int>().Select(scale => (byte)scale)], module.Outputs, module.Inputs / 16);
            if (factorSuffix is not null)
                module.Store(factorSuffix, "F32", TestBits.Bytes([suffix == ".weight_packed" ? 1 / factor : factor]), suffix == ".weight_packed" ? [1] : []);
            return module.Weights((n, k) => TestBits.Float4(codes[n, k]) * TestBits.Float8(scales[n, k / 16], 4) * factor);
        });
        Assert.Equal(39u, plan.Metadata["general.file_type"]);
    }

    [Theory]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "mxfp4-pack-quantized", "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "float", "strategy": "group", "group_size": 32}}}}""", ".weight_packed", "U8", ".weight_scale")]
    [InlineData("""{"group_size": 32, "bits": 4, "mode": "mxfp4"}""", ".weight", "U32", ".scales")]
    [InlineData("""{"quant_method": "mxfp4"}""", ".weight_blocks", "U8", ".weight_scales")]
    public async Task MxFp4_IsKept_AndDecodesToTheSame(string config, string suffix, string type, string scaleSuffix)
    {
        var plan = await Kept(config, GgmlType.MXFP4, 1, module =>
        {
            var (codes, scales) = (module.Codes(module.Outputs, module.Inputs, 0, 15), module.Codes(module.Outputs, module.Inputs / 32, 100, 140));
            long[] shape = suffix == ".weight_blocks" ? [module.Outputs, module.Inputs / 32, 16] : [module.Outputs, module.Inputs / (type == "U32" ? 8 : 2)];
            module.Store(suffix, type, TestBits.Nibbles(codes), shape);
            module.Store(scaleSuffix, "U8", [.. scales.Cast<int>().Select(scale => (byte)scale)], module.Outputs, module.Inputs / 32);
            return module.Weights((n, k) => TestBits.Float4(codes[n, k]) * (float)Math.Pow(2, scales[n, k / 32] - 127));
        });
        Assert.Equal(38u, plan.Metadata["general.file_type"]);
        Assert.All(plan.Tensors.Where(tensor => tensor.Type == GgmlType.MXFP4), tensor => Assert.True(tensor.Lattice));
    }

    [Fact]
    public async Task NvFp4_OfRowsThatAreNoWholeBlocks_IsComputed()
    {
        // 176 weights are whole groups of 16, but not whole blocks of 64.
        var model = new QuantizedLlama("""{"quant_method": "modelopt", "quant_algo": "NVFP4"}""", width: 176).Quantize(module =>
        {
            var (codes, scales) = (module.Codes(module.Outputs, module.Inputs, 0, 15), module.Codes(module.Outputs, module.Inputs / 16, 1, 0x7E));
            module.Store(".weight", "U8", TestBits.Nibbles(codes), module.Outputs, module.Inputs / 2);
            module.Store(".weight_scale", "F8_E4M3", [.. scales.Cast<int>().Select(scale => (byte)scale)], module.Outputs, module.Inputs / 16);
            module.Store(".weight_scale_2", "F32", TestBits.Bytes([0.1f]));
            return module.Weights((n, k) => TestBits.Float4(codes[n, k]) * TestBits.Float8(scales[n, k / 16], 4) * 0.1f);
        });
        await model.RequireSameAsync(only: "blk.0.ffn_down.weight");
    }

    private static int[,] Float8Codes(QuantizedLlama.Module module, int exponentBits)
    {
        var codes = TestBits.Fill(module.Outputs, module.Inputs, (_, _) => TestBits.RandomFloat8(module.Random, exponentBits));
        module.Store(".weight", exponentBits == 4 ? "F8_E4M3" : "F8_E5M2", [.. codes.Cast<int>().Select(code => (byte)code)], module.Outputs, module.Inputs);
        return codes;
    }

    /// <summary>Converts, and has ggml decode every kept block; the rows of q and k are permuted in both.</summary>
    private static async Task<ConversionPlan> Kept(string config, GgmlType type, float factor, Func<QuantizedLlama.Module, float[]> write)
    {
        GgmlOracle.RequireX64();
        using var folder = new TemporaryFolder();
        var model = new QuantizedLlama(config).Quantize(write);
        var plain = ConversionPlan.Create(model.Plain.Save(folder), folder.File("plain.gguf"), new ConversionOptions { Type = "F32" });
        await ModelConverter.RunAsync(plain);
        var plan = ConversionPlan.Create(model.Stored.Save(folder), folder.File("stored.gguf"), new ConversionOptions { Type = "BF16" });
        await ModelConverter.RunAsync(plan);
        var kept = plan.Tensors.Where(tensor => tensor.Type == type).ToList();
        Assert.Equal(7, kept.Count);
        foreach (var tensor in kept)
        {
            var expected = TestBits.Floats(QuantizedLlama.Data(plain, plain.Tensors.Single(other => other.Name == tensor.Name)));
            var actual = GgmlOracle.Dequantize(type, QuantizedLlama.Data(plan, tensor));
            Assert.Equal(expected, actual.Select(weight => weight * factor));
            var scale = plan.Tensors.SingleOrDefault(other => other.Name == tensor.Name.Replace(".weight", ".scale", StringComparison.Ordinal));
            Assert.Equal(factor == 1 ? [] : [factor], scale is null ? [] : TestBits.Floats(QuantizedLlama.Data(plan, scale)));
        }
        return plan;
    }
}
