using Xunit;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>compressed-tensors: what a writer of the tests' own stores comes back, bit for bit. Symmetric int4 is also a golden case.</summary>
public sealed class CompressedTensorsTests
{
    [Theory]
    [InlineData(4, 32, true, true, false)]
    [InlineData(4, 64, false, true, false)]
    [InlineData(4, 32, false, true, true)]
    [InlineData(8, 32, false, true, false)]
    [InlineData(2, 32, true, true, false)]
    [InlineData(3, 32, true, true, false)]
    [InlineData(3, 32, false, false, false)]
    [InlineData(5, 64, false, true, false)]
    [InlineData(5, 32, true, false, false)]
    [InlineData(6, 32, false, true, false)]
    [InlineData(6, 32, true, false, true)]
    public async Task PackedIntegers_InGroups_ComeBack(int bits, int group, bool isSymmetric, bool isDense, bool isOrdered)
    {
        var model = new QuantizedLlama(Config("pack-quantized", bits, "int", "group", isSymmetric, $"\"group_size\": {group}, \"actorder\": {(isOrdered ? "\"group\"" : "null")}"));
        var plan = await model.Quantize(module => WritePacked(module, bits, group, isSymmetric, isDense ? 0 : 32 / bits, isOrdered)).RequireSameAsync();
        Assert.Equal($"compressed-tensors pack-quantized {bits} bit, group {group}", plan.SourceQuantization);
    }

    [Theory]
    [InlineData(4, 32, true, "Q4_0", GgmlType.Q4_0)]
    [InlineData(4, 64, true, "Q6_K", GgmlType.Q4_0)]
    [InlineData(3, 32, true, "Q4_K_M", GgmlType.Q4_0)]
    [InlineData(2, 32, true, "MXFP4_MOE", GgmlType.Q4_0)]
    [InlineData(4, 32, false, "Q5_K_M", GgmlType.Q4_1)]
    [InlineData(5, 64, true, "Q5_1", GgmlType.Q5_0)]
    [InlineData(6, 32, true, "Q8_0", GgmlType.Q8_0)]
    [InlineData(6, 64, false, "Q8_0", GgmlType.Q8_0)]
    [InlineData(8, 32, true, "Q8_0", GgmlType.Q8_0)]
    public async Task PackedIntegers_AreKept(int bits, int group, bool isSymmetric, string recipe, GgmlType type)
    {
        var model = new QuantizedLlama(Config("pack-quantized", bits, "int", "group", isSymmetric, $"\"group_size\": {group}"));
        await model.Quantize(module => WritePacked(module, bits, group, isSymmetric, 0, false)).RequireKeptAsync(recipe, type);
    }

    /// <summary>Where activations put neighbours into different groups, no block has their scales.</summary>
    [Fact]
    public void PackedIntegers_OfScatteredGroups_AreRounded()
    {
        using var folder = new TemporaryFolder();
        var model = new QuantizedLlama(Config("pack-quantized", 4, "int", "group", true, "\"group_size\": 32, \"actorder\": \"group\"")).Quantize(module => WritePacked(module, 4, 32, true, 0, true));
        Assert.All(model.Plan(folder, new ConversionOptions { Type = "Q4_0" }).Tensors, tensor => Assert.False(tensor.Lattice));
    }

    [Fact]
    public async Task ByteIntegers_WithAScaleForEachRow_AreKept()
        => await new QuantizedLlama(Config("int-quantized", 8, "int", "channel", true)).Quantize(module =>
        {
            var (codes, scales) = (module.Codes(module.Outputs, module.Inputs, -128, 127), module.Scales(module.Outputs, 1));
            module.Store(".weight", "I8", TestBits.I8(codes), module.Outputs, module.Inputs);
            module.Store(".weight_scale", "BF16", TestBits.BF16(scales), module.Outputs, 1);
            return module.Weights((n, k) => scales[n, 0] * codes[n, k]);
        }).RequireKeptAsync("Q8_0", GgmlType.Q8_0);

    /// <summary>F16 has not the scales of a few rows: their blocks are rounded, the others are what they were.</summary>
    [Fact]
    public async Task ScalesBeyondF16_CostTheirBlocksOnly()
    {
        using var folder = new TemporaryFolder();
        var result = await new QuantizedLlama(Config("int-quantized", 8, "int", "channel", true)).Quantize(module =>
        {
            var (codes, scales) = (module.Codes(module.Outputs, module.Inputs, -128, 127), module.Scales(module.Outputs, 1));
            (scales[3, 0], scales[9, 0]) = (1e6f, 1e-9f);
            module.Store(".weight", "I8", TestBits.I8(codes), module.Outputs, module.Inputs);
            module.Store(".weight_scale", "F32", TestBits.F32(scales), module.Outputs, 1);
            return module.Weights((n, k) => scales[n, 0] * codes[n, k]);
        }).ConvertAsync(folder, "Q8_0");
        Assert.All(result.Tensors.Where(tensor => tensor.Lattice), tensor =>
        {
            // All zeros are exact too.
            Assert.InRange(tensor.ExactWeights, tensor.Weights - (2 * tensor.Weights / 64), tensor.Weights - 1);
            Assert.Equal(float.PositiveInfinity, tensor.LargestError);
        });
        Assert.Equal(7, result.Tensors.Count(tensor => tensor.Lattice));
    }

    [Fact]
    public async Task PackedIntegers_WithAScaleForEachRow_ComeBack()
        => await new QuantizedLlama(Config("pack-quantized", 4, "int", "channel", false)).Quantize(module => WritePacked(module, 4, module.Inputs, false, 0, false)).RequireSameAsync();

    [Fact]
    public async Task Groups_OfModules_HaveTheirOwnSchemes()
    {
        const string Config = """
            {"quant_method": "compressed-tensors", "format": "mixed-precision", "ignore": ["lm_head"], "config_groups": {
              "group_0": {"format": "pack-quantized", "targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", "symmetric": true, "strategy": "group", "group_size": 32}},
              "group_1": {"format": "pack-quantized", "targets": ["re:.*self_attn\\.(q|k|v)_proj$"], "weights": {"num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel"}},
              "group_2": {"format": "float-quantized", "targets": ["model.layers.0.mlp.down_proj"], "weights": {"num_bits": 8, "type": "float", "symmetric": true, "strategy": "channel"}}}}
            """;
        var plan = await new QuantizedLlama(Config).Quantize(module => module.Name switch
        {
            "model.layers.0.mlp.down_proj" => WriteFloats(module, 1, module.Inputs, "BF16"),
            var name when name.EndsWith("o_proj", StringComparison.Ordinal) || name.Contains(".mlp.", StringComparison.Ordinal) => WritePacked(module, 4, 32, true, 0, false),
            _ => WritePacked(module, 8, module.Inputs, true, 0, false),
        }).RequireSameAsync();
        Assert.Equal("compressed-tensors pack-quantized 4 bit, group 32, pack-quantized 8 bit, one scale a channel, float-quantized 8 bit, one scale a channel", plan.SourceQuantization);
    }

    [Theory]
    [InlineData("channel", true)]
    [InlineData("channel", false)]
    [InlineData("tensor", true)]
    public async Task ByteIntegers_ComeBack(string strategy, bool isSymmetric)
        => await new QuantizedLlama(Config("int-quantized", 8, "int", strategy, isSymmetric)).Quantize(module =>
        {
            var rows = strategy == "tensor" ? 1 : module.Outputs;
            var (codes, scales, zeros) = (module.Codes(module.Outputs, module.Inputs, -128, 127), module.Scales(rows, 1), module.Codes(rows, 1, -128, 127));
            long[] shape = strategy == "tensor" ? [1] : [rows, 1];
            module.Store(".weight", "I8", TestBits.I8(codes), module.Outputs, module.Inputs);
            module.Store(".weight_scale", "BF16", TestBits.BF16(scales), shape);
            if (!isSymmetric)
                module.Store(".weight_zero_point", "I8", TestBits.I8(zeros), shape);
            return module.Weights((n, k) => scales[n % rows, 0] * (codes[n, k] - (isSymmetric ? 0 : zeros[n % rows, 0])));
        }).RequireSameAsync();

    [Theory]
    [InlineData("tensor", "")]
    [InlineData("channel", "")]
    [InlineData("block", "\"block_structure\": [48, 80]")]
    [InlineData("block", "\"block_structure\": \"64x32\"")]
    [InlineData("group", "\"group_size\": 64")]
    public async Task Floats_ComeBack(string strategy, string more)
        => await new QuantizedLlama(Config("float-quantized", 8, "float", strategy, true, more)).Quantize(module =>
        {
            var (rows, columns) = (strategy, more.Contains('x', StringComparison.Ordinal)) switch
            {
                ("tensor", _) => (module.Outputs, module.Inputs),
                ("channel", _) => (1, module.Inputs),
                ("group", _) => (1, 64),
                (_, true) => (64, 32),
                _ => (48, 80),
            };
            module.Store(".input_scale", "F32", TestBits.Bytes([0.5f]), 1);
            return WriteFloats(module, rows, columns, "F32");
        }).RequireSameAsync();

    [Fact]
    public async Task MxFp8_ComesBack()
        => await new QuantizedLlama(Config("mxfp8-quantized", 8, "float", "group", true, "\"group_size\": 32")).Quantize(module =>
        {
            var (codes, scales) = (TestBits.Fill(module.Outputs, module.Inputs, (_, _) => TestBits.RandomFloat8(module.Random, 4)), module.Codes(module.Outputs, module.Inputs / 32, 110, 140));
            module.Store(".weight", "F8_E4M3", [.. codes.Cast<int>().Select(code => (byte)code)], module.Outputs, module.Inputs);
            module.Store(".weight_scale", "U8", [.. scales.Cast<int>().Select(scale => (byte)scale)], module.Outputs, module.Inputs / 32);
            return module.Weights((n, k) => TestBits.Float8(codes[n, k], 4) * (float)Math.Pow(2, scales[n, k / 32] - 127));
        }).RequireSameAsync();

    [Theory]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "marlin-24", "config_groups": {"a": {"targets": ["Linear"], "weights": {"num_bits": 4}}}}""", "format = marlin-24")]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "pack-quantized", "sparsity_config": {"format": "sparse-24-bitmask"}, "config_groups": {}}""", "sparsity_config.format = sparse-24-bitmask")]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "pack-quantized", "transform_config": {"config_groups": {"R3": {}}}, "config_groups": {}}""", "transform_config")]
    [InlineData("""{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"a": {"targets": ["Linear"], "weights": {"num_bits": 4, "strategy": "attn_head"}}}}""", "strategy = attn_head")]
    public void UnknownVariant_IsRefused_ByItsField(string config, string field)
        => Assert.Contains(field, HostileQuantizationTests.Fails(ErrorKind.UnsupportedType, new QuantizedLlama(config)).Message);

    internal static string Config(string format, int bits, string type, string strategy, bool isSymmetric, string more = "")
        => $$$"""
            {"quant_method": "compressed-tensors", "format": "{{{format}}}", "ignore": ["lm_head"], "config_groups": {"group_0": {"targets": ["Linear"], "weights": {
             "num_bits": {{{bits}}}, "type": "{{{type}}}", "strategy": "{{{strategy}}}", "symmetric": {{{(isSymmetric ? "true" : "false")}}}{{{(more.Length > 0 ? ", " + more : "")}}} } } } }
            """;

    /// <summary>Codes and zeros are stored plus half their range; zeros are packed down the outputs.</summary>
    internal static float[] WritePacked(QuantizedLlama.Module module, int bits, int group, bool isSymmetric, int perWord, bool isOrdered)
    {
        var (outputs, inputs, groups) = (module.Outputs, module.Inputs, module.Inputs / group);
        var half = 1 << (bits - 1);
        var (codes, zeros, scales) = (module.Codes(outputs, inputs, -half, half - 1), module.Codes(outputs, groups, -half, half - 1), module.Scales(outputs, groups));
        var groupOf = Enumerable.Range(0, inputs).Select(input => input / group).ToArray();
        if (isOrdered)
            (module.Order ?? new Random(inputs)).Shuffle(groupOf);
        var packed = TestBits.PackRows(Shifted(codes), bits, perWord);
        module.Store(".weight_packed", "I32", packed, outputs, packed.Length / 4 / outputs);
        module.Store(".weight_scale", "BF16", TestBits.BF16(scales), outputs, groups);
        module.Store(".weight_shape", "I64", TestBits.I64(outputs, inputs), 2);
        if (!isSymmetric)
        {
            var packedZeros = TestBits.PackColumns(Shifted(zeros), bits, perWord);
            module.Store(".weight_zero_point", "I32", packedZeros, packedZeros.Length / 4 / groups, groups);
        }
        if (isOrdered)
            module.Store(".weight_g_idx", "I32", TestBits.I32(groupOf), inputs);
        return module.Weights((n, k) => scales[n, groupOf[k]] * (codes[n, k] - (isSymmetric ? 0 : zeros[n, groupOf[k]])));

        int[,] Shifted(int[,] values) => TestBits.Fill(values.GetLength(0), values.GetLength(1), (row, column) => values[row, column] + half);
    }

    private static float[] WriteFloats(QuantizedLlama.Module module, int rowsPerScale, int columnsPerScale, string scaleType)
    {
        var (rows, columns) = ((module.Outputs + rowsPerScale - 1) / rowsPerScale, (module.Inputs + columnsPerScale - 1) / columnsPerScale);
        var codes = TestBits.Fill(module.Outputs, module.Inputs, (_, _) => TestBits.RandomFloat8(module.Random, 4));
        var scales = module.Scales(rows, columns);
        module.Store(".weight", "F8_E4M3", [.. codes.Cast<int>().Select(code => (byte)code)], module.Outputs, module.Inputs);
        module.Store(".weight_scale", scaleType, scaleType == "BF16" ? TestBits.BF16(scales) : TestBits.F32(scales), rows * columns == 1 ? [1] : [rows, columns]);
        return module.Weights((n, k) => TestBits.Float8(codes[n, k], 4) * scales[n / rowsPerScale, k / columnsPerScale]);
    }
}
