using Xunit;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>Quantised checkpoints that cannot be, or that are of a kind nobody here knows: refused by name, never an exception of another kind.</summary>
public sealed class HostileQuantizationTests
{
    private const string Gptq = """{"quant_method": "gptq", "bits": 4, "group_size": 32}""";
    private const string Packed = """{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "strategy": "group", "group_size": 32}}}}""";
    private const string Module = "model.layers.0.mlp.up_proj";

    [Theory]
    [InlineData("""{"quant_method": "quip"}""", "quant_method = quip")]
    [InlineData("""{"quant_method": null}""", "quant_method = null")]
    [InlineData("""{"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"}""", "checkpoint_format = marlin")]
    [InlineData("""{"quant_method": "gptq", "bits": 5}""", "bits = 5")]
    [InlineData("""{"quant_method": "gptq", "bits": 4, "pack_dtype": "int8"}""", "pack_dtype = int8")]
    [InlineData("""{"quant_method": "awq", "bits": 4, "version": "gemv"}""", "version = gemv")]
    [InlineData("""{"quant_method": "awq", "bits": 8}""", "bits = 8")]
    [InlineData("""{"quant_method": "modelopt", "quant_algo": "W4A8_AWQ"}""", "quant_algo = W4A8_AWQ")]
    [InlineData("""{"group_size": 64, "bits": 7}""", "bits = 7")]
    [InlineData("""{"group_size": 64, "bits": 4, "mode": "spiral"}""", "mode = spiral")]
    public void UnknownVariant_IsRefused_ByItsMethodAndField(string config, string field)
        => Assert.Contains(field, Fails(ErrorKind.UnsupportedType, new QuantizedLlama(config)).Message);

    [Theory]
    [InlineData("""{"quant_method": "gptq", "bits": "four"}""")]
    [InlineData("""{"quant_method": "gptq", "bits": -1}""")]
    [InlineData("""{"quant_method": "fp8", "weight_block_size": [0, 128]}""")]
    [InlineData("""{"quant_method": "fp8", "weight_block_size": "128x128"}""")]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "pack-quantized"}""")]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"a": 1}}""")]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "pack-quantized", "sparsity_config": {"format": 7}, "config_groups": {}}""")]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"a": {"targets": ["Linear"], "weights": {"num_bits": 4, "strategy": "group", "group_size": 0}}}}""")]
    [InlineData("""{"quant_method": ["gptq"]}""")]
    [InlineData("[1]")]
    [InlineData("\"gptq\"")]
    public void WrongSettings_AreCorrupt(string config) => Fails(ErrorKind.CorruptFile, new QuantizedLlama(config));

    public static TheoryData<string, string, string, long[], byte[]> WrongTensors => new()
    {
        { Gptq, ".qweight", "F32", [16, 192], new byte[16 * 192 * 4] },
        { Gptq, ".qweight", "I32", [16 * 192], new byte[16 * 192 * 4] },
        { Gptq, ".qweight", "I32", [0, 192], [] },
        { Gptq, ".qweight", "I32", [0, long.MaxValue / 8], [] },
        { Gptq, ".qzeros", "I32", [4, 12], new byte[4 * 12 * 4] },
        { Gptq, ".qzeros", "I32", [0, 24], [] },
        { Gptq, ".scales", "F16", [5, 192], new byte[5 * 192 * 2] },
        { Gptq, ".scales", "I8", [4, 192], new byte[4 * 192] },
        { Gptq, ".g_idx", "I32", [127], new byte[127 * 4] },
        { Gptq, ".g_idx", "I64", [128], new byte[128 * 8] },
        { Packed, ".weight_packed", "I32", [192, 15], new byte[192 * 15 * 4] },
        { Packed, ".weight_packed", "F16", [192, 16], new byte[192 * 16 * 2] },
        { Packed, ".weight_shape", "I64", [2], TestBits.I64(192, 1L << 62) },
        { Packed, ".weight_shape", "I64", [2], TestBits.I64(-192, 128) },
        { Packed, ".weight_shape", "I64", [2], TestBits.I64(0, 0) },
        { Packed, ".weight_shape", "I64", [1], TestBits.I64(192) },
        { Packed, ".weight_shape", "F32", [2], new byte[8] },
        { Packed, ".weight_scale", "BF16", [192, 3], new byte[192 * 3 * 2] },
        { Packed, ".weight_scale", "I64", [192, 4], new byte[192 * 4 * 8] },
        { Packed, ".weight_g_idx", "I32", [4], new byte[16] },
    };

    [Theory]
    [MemberData(nameof(WrongTensors))]
    public void WrongTensor_IsRefused(string config, string suffix, string type, long[] shape, byte[] data)
    {
        var model = Valid(config);
        model.Stored.Tensors[Module + suffix] = new TinyCheckpoint.Tensor(type, shape, data);
        Fails(null, model);
    }

    [Theory]
    [InlineData(Gptq, ".qzeros")]
    [InlineData(Gptq, ".scales")]
    [InlineData(Packed, ".weight_scale")]
    [InlineData(Packed, ".weight_shape")]
    public void MissingTensor_IsNamed(string config, string suffix)
    {
        var model = Valid(config);
        model.Stored.Tensors.Remove(Module + suffix);
        Assert.Contains(Module + suffix, Fails(ErrorKind.CorruptFile, model).Message);
    }

    /// <summary>What only the weights themselves tell: found while converting, and nothing is left.</summary>
    [Theory]
    [InlineData(Gptq, ".g_idx", 4)]
    [InlineData(Gptq, ".g_idx", -1)]
    [InlineData(Gptq, ".g_idx", int.MinValue)]
    [InlineData(Gptq, ".scales", 0x7E00_7E00)]
    [InlineData(Gptq, ".scales", 0x7C00_7C00)]
    [InlineData(Packed, ".weight_scale", 0x7FC0_7FC0)]
    public async Task WrongNumber_IsCorrupt(string config, string suffix, int value)
    {
        var model = Valid(config);
        if (suffix == ".g_idx")
            model.Stored.Tensors[Module + suffix] = new TinyCheckpoint.Tensor("I32", [128], TestBits.I32(Enumerable.Range(0, 128).Select(input => input / 32)));
        BitConverter.TryWriteBytes(model.Stored.Tensors[Module + suffix].Data.AsSpan(100), value);
        using var folder = new TemporaryFolder();
        var plan = ConversionPlan.Create(model.Stored.Save(folder), folder.File("model.gguf"), new ConversionOptions());
        var exception = await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan));
        Assert.Equal(ErrorKind.CorruptFile, exception.Kind);
        Assert.Contains(Module + suffix, exception.Message);
        Assert.False(File.Exists(plan.Output));
    }

    internal static ModelOpsException Fails(ErrorKind? kind, QuantizedLlama model)
    {
        using var folder = new TemporaryFolder();
        var exception = Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(model.Stored.Save(folder), folder.File("model.gguf"), new ConversionOptions()));
        if (kind is not null)
            Assert.Equal(kind, exception.Kind);
        return exception;
    }

    private static QuantizedLlama Valid(string config) => new QuantizedLlama(config).Quantize(module =>
    {
        var groups = module.Inputs / 32;
        if (config == Gptq)
        {
            module.Store(".qweight", "I32", new byte[module.Inputs / 8 * module.Outputs * 4], module.Inputs / 8, module.Outputs);
            module.Store(".qzeros", "I32", new byte[groups * module.Outputs / 8 * 4], groups, module.Outputs / 8);
            module.Store(".scales", "F16", new byte[groups * module.Outputs * 2], groups, module.Outputs);
        }
        else
        {
            module.Store(".weight_packed", "I32", new byte[module.Outputs * module.Inputs / 2], module.Outputs, module.Inputs / 8);
            module.Store(".weight_scale", "BF16", new byte[module.Outputs * groups * 2], module.Outputs, groups);
            module.Store(".weight_shape", "I64", TestBits.I64(module.Outputs, module.Inputs), 2);
        }
        return new float[module.Outputs * module.Inputs];
    });
}
