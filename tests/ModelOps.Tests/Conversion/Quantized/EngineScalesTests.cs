using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>NVFP4 blocks are kept only where the engine multiplies with the number that belongs to them.</summary>
public sealed class EngineScalesTests
{
    [Theory]
    [InlineData(0.5f, GgmlType.F32)]
    [InlineData(1f, GgmlType.NVFP4)]
    public void Head_HasNoPlaceForTheNumber_AndIsComputedUnlessItIsOne(float factor, GgmlType expected)
    {
        var model = new QuantizedLlama("""{"quant_method": "modelopt", "quant_algo": "NVFP4"}""").Quantize(module =>
        {
            Write(module.Model.Stored, module.Name, module.Outputs, module.Inputs, 0.5f);
            return new float[module.Outputs * module.Inputs];
        });
        Write(model.Stored, "lm_head", 384, QuantizedLlama.Hidden, factor);
        model.Stored.Config["tie_word_embeddings"] = JsonValue.Create(false);
        using var folder = new TemporaryFolder();
        var plan = ConversionPlan.Create(model.Stored.Save(folder), folder.File("model.gguf"), new ConversionOptions { Type = "F32" });
        Assert.Equal(expected, plan.Tensors.Single(tensor => tensor.Name == "output.weight").Type);
        Assert.Equal(GgmlType.NVFP4, plan.Tensors.Single(tensor => tensor.Name == "blk.0.ffn_down.weight").Type);
        Assert.DoesNotContain(plan.Tensors, tensor => tensor.Name == "output.scale");
    }

    [Theory]
    [InlineData("llama", "blk.3.ffn_up.weight", true)]
    [InlineData("gemma3", "blk.3.attn_q.weight", true)]
    [InlineData("gemma3", "blk.3.ffn_up.weight", false)]
    [InlineData("olmo2", "blk.3.attn_q.weight", false)]
    [InlineData("llama", "token_embd.weight", false)]
    [InlineData(null, "blk.3.ffn_up.weight", false)]
    public void Places_AreThoseOfTheEnginesGraphs(string? architecture, string target, bool applies)
        => Assert.Equal(applies, ModelOps.Conversion.EngineScales.Apply(architecture, target));

    private static void Write(TinyCheckpoint checkpoint, string module, int outputs, int inputs, float factor)
    {
        checkpoint.Tensors.Add(module + ".weight", new TinyCheckpoint.Tensor("U8", [outputs, inputs / 2], new byte[outputs * inputs / 2]));
        checkpoint.Tensors.Add(module + ".weight_scale", new TinyCheckpoint.Tensor("F8_E4M3", [outputs, inputs / 16], new byte[outputs * inputs / 16]));
        checkpoint.Tensors.Add(module + ".weight_scale_2", new TinyCheckpoint.Tensor("F32", [], TestBits.Bytes([factor])));
    }
}
