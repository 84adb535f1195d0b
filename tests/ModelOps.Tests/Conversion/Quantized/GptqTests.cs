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

    /// <summary>Zeros of all values: with a bit more every code has its place around them; with no more bits the minimum has to be an F16.</summary>
    [Theory]
    [InlineData(4, "Q5_0", GgmlType.Q5_0)]
    [InlineData(4, "Q6_K", GgmlType.Q5_0)]
    [InlineData(4, "Q8_0", GgmlType.Q5_0)]
    [InlineData(3, "IQ4_XS", GgmlType.Q4_0)]
    public async Task Gptq_WithZeros_IsKept_WithABitMore(int bits, string recipe, GgmlType type)
    {
        var model = new QuantizedLlama($$"""{"quant_method": "gptq", "bits": {{bits}}, "group_size": 32, "sym": false}""", precision: 11);
        await model.Quantize(module => Write(module, bits, 32, true, false)).RequireKeptAsync(recipe, type);
    }

    [Theory]
    [InlineData(4, 32, "Q4_0")]
    [InlineData(4, 64, "Q4_K_M")]
    [InlineData(4, -1, "IQ4_XS")]
    public async Task Gptq_WithZeros_IsKept_InFourBits_WithRoundedMinima(int bits, int group, string recipe)
    {
        var model = new QuantizedLlama($$"""{"quant_method": "gptq", "bits": {{bits}}, "group_size": {{group}}, "sym": false}""", precision: 11);
        // The largest weight is 15 scales, as is the largest minimum, which is off by 2^-11 of itself at most.
        var result = await model.Quantize(module => Write(module, bits, group, true, false)).RequireKeptAsync(recipe, GgmlType.Q4_1, tolerance: 1f / 2048);
        // With the zeros 0, 1, 2, 4 and 8 the minimum is exact.
        Assert.InRange(result.LatticeExactFraction!.Value, 0.25, 0.75);
        // Rounded anew, a weight would be off by up to half a step.
        Assert.InRange(result.Tensors.Where(tensor => tensor.Lattice).Max(tensor => tensor.RelativeError), 1e-6, 0.0005);
    }

    /// <summary>Zeros of which the product with any scale of seven bits is an F16.</summary>
    [Fact]
    public async Task Gptq_WithZerosAndShortScales_IsKeptExactly()
        => await new QuantizedLlama("""{"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": false}""").Quantize(module => Write(module, 4, 32, true, false)).RequireKeptAsync("Q4_1", GgmlType.Q4_1);

    [Theory]
    [InlineData(4, true, "Q4_0", true)]
    [InlineData(4, false, "Q3_K_M", true)]
    [InlineData(4, false, "F16", true)]
    [InlineData(8, false, "Q6_K", true)]
    [InlineData(4, false, "Q4_0", false)]
    public async Task Gptq_IsRounded_WhereNothingElseWillDo(int bits, bool isOrdered, string recipe, bool keepLattice)
    {
        using var folder = new TemporaryFolder();
        var model = new QuantizedLlama($$"""{"quant_method": "gptq", "bits": {{bits}}, "group_size": 32, "desc_act": {{(isOrdered ? "true" : "false")}}}""")
            .Quantize(module => Write(module, bits, 32, true, isOrdered, zero: 1 << (bits - 1)));
        var plan = model.Plan(folder, new ConversionOptions { Type = recipe, KeepLattice = keepLattice });
        Assert.All(plan.Tensors, tensor => Assert.False(tensor.Lattice));
        var result = await ModelConverter.RunAsync(plan);
        Assert.Null(result.LatticeExactFraction);
        Assert.True(result.LargestError > 0);
    }

    /// <summary>What is asked for by name comes, on the lattice when that type has it.</summary>
    [Fact]
    public async Task Gptq_AskedForByName_IsThat()
    {
        using var folder = new TemporaryFolder();
        var model = new QuantizedLlama("""{"quant_method": "gptq", "bits": 4, "group_size": 32}""").Quantize(module => Write(module, 4, 32, true, false, zero: 8));
        var overrides = new RecipeOverrides { TensorTypes = [TensorTypeOverride.Parse("ffn_up=Q8_0"), TensorTypeOverride.Parse("ffn_gate=Q6_K")] };
        var plan = model.Plan(folder, new ConversionOptions { Type = "Q4_0", Overrides = overrides });
        Assert.Equal((GgmlType.Q8_0, true), Of("blk.0.ffn_up.weight"));
        // 128 columns are no block of Q6_K.
        Assert.Equal((GgmlType.Q8_0, true), Of("blk.0.ffn_gate.weight"));
        Assert.Equal((GgmlType.Q4_0, true), Of("blk.0.ffn_down.weight"));
        var result = await ModelConverter.RunAsync(plan);
        Assert.Equal(1, result.LatticeExactFraction);

        (GgmlType, bool) Of(string name) => plan.Tensors.Where(tensor => tensor.Name == name).Select(tensor => (tensor.Type, tensor.Lattice)).Single();
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

    /// <summary>Of two bits, three codes are ternary weights where a scale's group fills a block of 256.</summary>
    [Theory]
    [InlineData(256, 1, GgmlType.TQ2_0)]
    [InlineData(-1, 1, GgmlType.TQ2_0)]
    [InlineData(128, 1, GgmlType.Q4_0)]
    [InlineData(256, 0, GgmlType.Q4_0)]
    public async Task Gptq_OfTwoBits_IsTernary_WhereOnlyThreeCodesOccur(int group, int least, GgmlType type)
    {
        var model = new QuantizedLlama($$"""{"quant_method": "gptq", "bits": 2, "group_size": {{group}}}""", width: 512, precision: 11, hidden: 256);
        await model.Quantize(module => Write(module, 2, group, true, false, zero: 2, least)).RequireKeptAsync("Q4_K_M", type);
    }

    [Theory]
    [InlineData(32, "Q5_K_M", GgmlType.Q5_0, 0)]
    [InlineData(128, "Q4_K_M", GgmlType.Q4_1, 1f / 2048)]
    [InlineData(-1, "Q4_1", GgmlType.Q4_1, 1f / 2048)]
    public async Task Awq_IsKept(int group, string recipe, GgmlType type, float tolerance)
    {
        var model = new QuantizedLlama($$"""{"quant_method": "awq", "bits": 4, "group_size": {{group}}, "version": "gemm", "zero_point": true}""", width: 256, precision: 11);
        await model.Quantize(module => WriteAwq(module, group)).RequireKeptAsync(recipe, type, tolerance);
    }

    /// <summary>weight = scale · (code − zero); zeros go through all values, so that version 1's less one wraps.</summary>
    internal static float[] Write(QuantizedLlama.Module module, int bits, int group, bool lessOne, bool isOrdered, int? zero = null, int least = 0)
    {
        var (outputs, inputs, length) = (module.Outputs, module.Inputs, group < 0 ? module.Inputs : group);
        var groups = inputs / length;
        var most = (1 << bits) - 1;
        var (codes, zeros, scales) = (module.Codes(inputs, outputs, least, most), module.Codes(groups, outputs, zero ?? 0, zero ?? most), module.Scales(groups, outputs));
        var groupOf = Enumerable.Range(0, inputs).Select(input => input / length).ToArray();
        if (isOrdered)
            (module.Order ?? new Random(inputs)).Shuffle(groupOf);
        module.Store(".qweight", "I32", TestBits.PackColumns(codes, bits), inputs * bits / 32, outputs);
        module.Store(".qzeros", "I32", TestBits.PackRows(lessOne ? TestBits.Fill(groups, outputs, (g, n) => (zeros[g, n] - 1) & most) : zeros, bits), groups, outputs * bits / 32);
        module.Store(".scales", "F16", TestBits.F16(scales), groups, outputs);
        if (isOrdered || group < 0)
            module.Store(".g_idx", "I32", TestBits.I32(groupOf), inputs);
        return module.Weights((n, k) => scales[groupOf[k], n] * (codes[k, n] - zeros[groupOf[k], n]));
    }

    /// <summary>A word holds eight outputs; its nibbles from the lowest are those of 0, 2, 4, 6, 1, 3, 5, 7.</summary>
    internal static float[] WriteAwq(QuantizedLlama.Module module, int group)
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
