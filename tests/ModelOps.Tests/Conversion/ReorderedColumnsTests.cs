using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using ModelOps.Conversion;
using ModelOps.Tests.Conversion.Forward;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Columns in another order: what moves, and what of a quantization lattice survives it.</summary>
public sealed class ReorderedColumnsTests
{
    [Theory]
    [InlineData(1, 6)]
    [InlineData(4, 3)]
    [InlineData(32, 2)]
    [InlineData(64, 5)]
    public void Blocks_MoveWhole_InFloatsAndInBytes(int block, int blocks)
    {
        var (length, rows) = (block * blocks, 3);
        var columns = new ReorderedColumns(new NumberedTensor([length, rows]), new ColumnOrder(block, i => blocks - 1 - i));
        Assert.Equal(block % 32 == 0, columns.KeepsRows);
        Assert.Equal(GgmlType.F32, columns.NativeType);
        using var reader = NumberedTensor.NoReader();
        var (weights, native) = (new float[2 * length], new byte[2 * length * sizeof(float)]);
        columns.ReadRows(reader, 1, weights);
        columns.ReadNativeRows(reader, 1, native);
        Assert.Equal(Enumerable.Range(1, 2).SelectMany(row => Enumerable.Range(0, length).Select(i => NumberedTensor.Weight((row * length) + ((blocks - 1 - (i / block)) * block) + (i % block)))), weights);
        Assert.Equal(weights, MemoryMarshal.Cast<byte, float>(native).ToArray());
    }

    // Heads of 32 carry whole groups of Q4_0 with them; heads of 16 tear them apart.
    [Theory]
    [InlineData(32, true)]
    [InlineData(16, false)]
    public async Task Lattice_IsKept_WhereWholeGroupsMove(int headLength, bool kept)
    {
        using var folder = new TemporaryFolder();
        var config = JsonNode.Parse($$"""
            {
              "architectures": ["Qwen3_5ForCausalLM"], "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32,
              "intermediate_size": 64, "vocab_size": 384, "tie_word_embeddings": true, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
              "linear_key_head_dim": {{headLength}}, "linear_value_head_dim": {{headLength}}, "linear_conv_kernel_dim": 4
            }
            """)!.AsObject();
        var checkpoint = new QwenCheckpoint("qwen3.5", config).Checkpoint;
        checkpoint.Tensors["model.layers.0.linear_attn.out_proj.weight"] = Lattice(64, 4 * headLength);
        var plan = ConversionPlan.Create(checkpoint.Save(folder), folder.File("model.gguf"), new ConversionOptions { Type = "Q4_0" });
        var result = await ModelConverter.RunAsync(plan);
        var output = result.Tensors.Single(tensor => tensor.Name == "blk.0.ssm_out.weight");
        Assert.Equal(kept, output.Lattice);
        Assert.Equal(kept, output.ExactWeights == output.Weights);
    }

    /// <summary>Weights of which each group of 32 is sixteen steps of a scale, as training for Q4_0 leaves them; BF16 holds them exactly.</summary>
    private static TinyCheckpoint.Tensor Lattice(int rows, int columns)
    {
        var random = new Random(7);
        var weights = new ushort[rows * columns];
        for (var i = 0; i < weights.Length; i += 32)
        {
            var scale = MathF.ScaleB(1 + (random.Next(8) / 8f), -8);
            for (var j = 0; j < 32; j++)
                weights[i + j] = (ushort)(BitConverter.SingleToUInt32Bits(scale * (j == 0 ? -8 : random.Next(-8, 8))) >> 16);
        }
        return new TinyCheckpoint.Tensor("BF16", [rows, columns], MemoryMarshal.AsBytes(weights.AsSpan()).ToArray());
    }
}
