using System.Globalization;
using System.Text;
using Xunit;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>bitsandbytes: 4 bits plain and doubly quantised, and LLM.int8.</summary>
public sealed class BitsAndBytesTests
{
    private static readonly float[] NormalFloat =
    [
        -1, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1,
    ];

    private static readonly float[] Float4 = [.. new[] { 0, 0.0625f, 8, 12, 4, 6, 2, 3, -0f, -0.0625f, -8, -12, -4, -6, -2, -3 }.Select(value => value / 12)];

    [Theory]
    [InlineData("nf4", 64, false, "bfloat16")]
    [InlineData("nf4", 64, true, "bfloat16")]
    [InlineData("nf4", 128, true, "float16")]
    [InlineData("fp4", 64, false, "float32")]
    [InlineData("fp4", 256, true, "float32")]
    public async Task FourBits_ComeBack(string kind, int block, bool isNested, string type)
    {
        var model = new QuantizedLlama($$"""{"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "{{kind}}", "bnb_4bit_use_double_quant": {{(isNested ? "true" : "false")}}}""");
        var plan = await model.Quantize(module => Write(module, kind, block, isNested, type)).RequireSameAsync();
        Assert.Equal($"bitsandbytes {kind} 4 bit", plan.SourceQuantization);
    }

    [Fact]
    public async Task EightBits_ComeBack() => await EightBits().RequireSameAsync();

    /// <summary>Codes are kept; of a scale that is no F16 the last bits are not.</summary>
    [Fact]
    public async Task EightBits_AreKept_WithRoundedScales()
    {
        var result = await EightBits().RequireKeptAsync("Q8_0", GgmlType.Q8_0, tolerance: 1f / 2048);
        Assert.InRange(result.Tensors.Where(tensor => tensor.Lattice).Max(tensor => tensor.RelativeError), 1e-6, 0.0005);
    }

    [Fact]
    public void FourBits_HaveNoTypeWithTheirTable()
    {
        using var folder = new TemporaryFolder();
        var model = new QuantizedLlama("""{"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4"}""").Quantize(module => Write(module, "nf4", 64, false, "bfloat16"));
        Assert.All(model.Plan(folder, new ConversionOptions { Type = "Q4_0" }).Tensors, tensor => Assert.False(tensor.Lattice));
    }

    private static QuantizedLlama EightBits() => new QuantizedLlama("""{"quant_method": "bitsandbytes", "load_in_8bit": true}""").Quantize(module =>
    {
        var (codes, scales) = (module.Codes(module.Outputs, module.Inputs, -127, 127), module.Scales(module.Outputs, 1));
        module.Store(".weight", "I8", TestBits.I8(codes), module.Outputs, module.Inputs);
        module.Store(".SCB", "F32", TestBits.F32(scales), module.Outputs);
        module.Store(".weight_format", "U8", [0]);
        return module.Weights((n, k) => scales[n, 0] * 7.874015718698502e-3f * codes[n, k]);
    });

    private static float[] Write(QuantizedLlama.Module module, string kind, int block, bool isNested, string type)
    {
        const int NestedBlock = 256;
        const float Offset = 0.03125f;
        var table = kind == "nf4" ? NormalFloat : Float4;
        var count = module.Outputs * module.Inputs;
        var codes = module.Codes(1, count, 0, 15);
        var blocks = (count + block - 1) / block;
        var magnitudes = Enumerable.Range(0, blocks).Select(_ => (float)module.Random.NextDouble()).ToArray();
        // The first of a pair is in the high half.
        module.Store(".weight", "U8", [.. codes.Cast<int>().Chunk(2).Select(pair => (byte)(pair[0] << 4 | pair[1]))], (count + 1) / 2, 1);
        module.Store(".weight.quant_map", "F32", TestBits.Bytes(table), 16);
        var state = string.Create(CultureInfo.InvariantCulture, $$"""{"quant_type": "{{kind}}", "blocksize": {{block}}, "dtype": "{{type}}", "shape": [{{module.Outputs}}, {{module.Inputs}}]""");
        if (isNested)
        {
            var levels = Enumerable.Range(0, 256).Select(_ => (float)module.Random.NextDouble()).ToArray();
            var nested = Enumerable.Range(0, (blocks + NestedBlock - 1) / NestedBlock).Select(_ => (float)module.Random.NextDouble()).ToArray();
            var stored = Enumerable.Range(0, blocks).Select(_ => module.Random.Next(256)).ToArray();
            magnitudes = [.. stored.Select((code, i) => (levels[code] * nested[i / NestedBlock]) + Offset)];
            module.Store(".weight.absmax", "U8", [.. stored.Select(code => (byte)code)], blocks);
            module.Store(".weight.nested_absmax", "F32", TestBits.Bytes(nested), nested.Length);
            module.Store(".weight.nested_quant_map", "F32", TestBits.Bytes(levels), 256);
            state += string.Create(CultureInfo.InvariantCulture, $$""", "nested_blocksize": {{NestedBlock}}, "nested_dtype": "float32", "nested_offset": {{Offset}}""");
        }
        else
        {
            module.Store(".weight.absmax", "F32", TestBits.Bytes(magnitudes), blocks);
        }
        var text = Encoding.UTF8.GetBytes(state + "}");
        module.Store($".weight.quant_state.bitsandbytes__{kind}", "U8", text, text.Length);
        return module.Weights((n, k) =>
        {
            var at = (n * module.Inputs) + k;
            var product = table[codes[0, at]] * magnitudes[at / block];
            return type switch
            {
                "float16" => (float)(Half)product,
                "bfloat16" => BitConverter.UInt32BitsToSingle((uint)((BitConverter.SingleToUInt32Bits(product) + 0x7FFF + (BitConverter.SingleToUInt32Bits(product) >> 16 & 1)) & 0xFFFF_0000)),
                _ => product,
            };
        });
    }
}
