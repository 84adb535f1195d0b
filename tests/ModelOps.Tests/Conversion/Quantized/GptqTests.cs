using Xunit;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>GPTQ and AWQ: what a writer of the tests' own stores comes back, bit for bit. GPTQ version 1 is also a golden case.</summary>
public sealed class GptqTests
{
    [Theory]
    [InlineData(2, 32, "gptq", false)]
    [InlineData(3, 32, "gptq", false)]
    [InlineData(3, 64, "gptq_v2", true)]
    [InlineData(4, 32, "gptq", true)]
    [InlineData(4, 64, "gptq_v2", false)]
    [InlineData(4, -1, "gptq", false)]
    [InlineData(8, 32, "gptq", false)]
    [InlineData(8, -1, "gptq_v2", true)]
    public async Task Gptq_ComesBack(int bits, int group, string version, bool isOrdered)
    {
        var model = new QuantizedLlama($$"""{"quant_method": "gptq", "bits": {{bits}}, "group_size": {{group}}, "desc_act": {{(isOrdered ? "true" : "false")}}, "checkpoint_format": "{{version}}"}""");
        var plan = await model.Quantize(module => Write(module, bits, group, version == "gptq", isOrdered)).RequireSameAsync();
        Assert.Equal($"gptq {bits} bit, {(group > 0 ? $"group {group}" : "whole rows")}", plan.SourceQuantization);
        Assert.Contains("model.layers.0.mlp.up_proj.qweight", plan.Tensors.Single(tensor => tensor.Name == "blk.0.ffn_up.weight").Sources);
    }

    /// <summary>Symmetric codes are those of a block whose zero is in the middle.</summary>
    [Theory]
    [InlineData(4, 32, "gptq", "Q4_0", GgmlType.Q4_0)]
    [InlineData(4, 64, "gptq_v2", "Q4_K_M", GgmlType.Q4_0)]
    [InlineData(4, -1, "gptq", "Q8_0", GgmlType.Q4_0)]
    [InlineData(3, 32, "gptq", "Q4_0", GgmlType.Q4_0)]
    [InlineData(2, 64, "gptq_v2", "Q5_1", GgmlType.Q4_0)]
    [InlineData(8, 32, "gptq", "Q8_0", GgmlType.Q8_0)]
    [InlineData(8, -1, "gptq_v2", "Q8_0", GgmlType.Q8_0)]
    public async Task Gptq_Symmetric_IsKept(int bits, int group, string version, string recipe, GgmlType type)
    {
        var model = new QuantizedLlama($$"""{"quant_method": "gptq", "bits": {{bits}}, "group_size": {{group}}, "sym": true, "checkpoint_format": "{{version}}"}""", precision: 11);
        await model.Quantize(module => Write(module, bits, group, version == "gptq", false, zero: 1 << (bits - 1))).RequireKeptAsync(recipe, type);
    }

    [Fact]
    public async Task Gptq_WithModulesOfOtherBits_ComesBack()
    {
        var model = new QuantizedLlama("""{"quant_method": "gptq", "bits": 4, "group_size": 32, "dynamic": {"+:.*down_proj": {"bits": 8, "group_size": 64}}}""");
        await model.Quantize(module => module.Name.EndsWith("down_proj", StringComparison.Ordinal) ? Write(module, 8, 64, true, false) : Write(module, 4, 32, true, false)).RequireSameAsync();
    }

    [Fact]
    public async Task Gptq_SaidInAFileOfItsOwn_ComesBack()
    {
        using var folder = new TemporaryFolder();
        var model = new QuantizedLlama("{}", key: "unused").Quantize(module => Write(module, 4, 32, true, false));
        var checkpoint = model.Stored.Save(folder);
        File.WriteAllText(Path.Combine(checkpoint, "quantize_config.json"), """{"bits": 4, "group_size": 32, "desc_act": false}""");
        Assert.Equal("gptq 4 bit, group 32", ConversionPlan.Create(checkpoint, folder.File("model.gguf"), new ConversionOptions()).SourceQuantization);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(-1)]
    public async Task Awq_ComesBack(int group)
    {
        var model = new QuantizedLlama($$"""{"quant_method": "awq", "bits": 4, "group_size": {{group}}, "version": "gemm", "zero_point": true}""");
        await model.Quantize(module => WriteAwq(module, group)).RequireSameAsync();
    }

    /// <summary>weight = scale · (code − zero); zeros go through all values, so that version 1's less one wraps.</summary>
    private static float[] Write(QuantizedLlama.Module module, int bits, int group, bool lessOne, bool isOrdered, int? zero = null)
    {
        var (outputs, inputs, length) = (module.Outputs, module.Inputs, group < 0 ? module.Inputs : group);
        var groups = inputs / length;
        var most = (1 << bits) - 1;
        var (codes, zeros, scales) = (module.Codes(inputs, outputs, 0, most), module.Codes(groups, outputs, zero ?? 0, zero ?? most), module.Scales(groups, outputs));
        var groupOf = Enumerable.Range(0, inputs).Select(input => input / length).ToArray();
        if (isOrdered)
            module.Random.Shuffle(groupOf);
        module.Store(".qweight", "I32", TestBits.PackColumns(codes, bits), inputs * bits / 32, outputs);
        module.Store(".qzeros", "I32", TestBits.PackRows(lessOne ? TestBits.Fill(groups, outputs, (g, n) => (zeros[g, n] - 1) & most) : zeros, bits), groups, outputs * bits / 32);
        module.Store(".scales", "F16", TestBits.F16(scales), groups, outputs);
        if (isOrdered || group < 0)
            module.Store(".g_idx", "I32", TestBits.I32(groupOf), inputs);
        return module.Weights((n, k) => scales[groupOf[k], n] * (codes[k, n] - zeros[groupOf[k], n]));
    }

    /// <summary>A word holds eight outputs; its nibbles from the lowest are those of 0, 2, 4, 6, 1, 3, 5, 7.</summary>
    private static float[] WriteAwq(QuantizedLlama.Module module, int group)
    {
        int[] order = [0, 2, 4, 6, 1, 3, 5, 7];
        var (outputs, inputs, length) = (module.Outputs, module.Inputs, group < 0 ? module.Inputs : group);
        var groups = inputs / length;
        var (codes, zeros, scales) = (module.Codes(inputs, outputs, 0, 15), module.Codes(groups, outputs, 0, 15), module.Scales(groups, outputs));
        module.Store(".qweight", "I32", TestBits.PackRows(Reorder(codes), 4), inputs, outputs / 8);
        module.Store(".qzeros", "I32", TestBits.PackRows(Reorder(zeros), 4), groups, outputs / 8);
        module.Store(".scales", "F16", TestBits.F16(scales), groups, outputs);
        return module.Weights((n, k) => scales[k / length, n] * (codes[k, n] - zeros[k / length, n]));

        int[,] Reorder(int[,] values) => TestBits.Fill(values.GetLength(0), values.GetLength(1), (row, column) => values[row, (column / 8 * 8) + order[column % 8]]);
    }
}
