using ModelOps.Quantization;
using Xunit;

namespace ModelOps.Tests.Quantization;

/// <summary>The type of each tensor: against the files of llama.cpp's converter, and the rules of llama-quantize.</summary>
public class RecipeTests
{
    [Theory]
    [InlineData("f32", "F32", GgmlType.F32, 0)]
    [InlineData("F16", "F16", GgmlType.F16, 1)]
    [InlineData("q4_0", "Q4_0", GgmlType.Q4_0, 2)]
    [InlineData("Q4_1", "Q4_1", GgmlType.Q4_1, 3)]
    [InlineData(" Q8_0 ", "Q8_0", GgmlType.Q8_0, 7)]
    [InlineData("Q5_0", "Q5_0", GgmlType.Q5_0, 8)]
    [InlineData("Q5_1", "Q5_1", GgmlType.Q5_1, 9)]
    [InlineData("Q2_K", "Q2_K", GgmlType.Q2_K, 10)]
    [InlineData("Q3_K_S", "Q3_K_S", GgmlType.Q3_K, 11)]
    [InlineData("Q3_K_M", "Q3_K_M", GgmlType.Q3_K, 12)]
    [InlineData("Q3_K_L", "Q3_K_L", GgmlType.Q3_K, 13)]
    [InlineData("Q4_K_S", "Q4_K_S", GgmlType.Q4_K, 14)]
    [InlineData("q4_k_m", "Q4_K_M", GgmlType.Q4_K, 15)]
    [InlineData("Q5_K_S", "Q5_K_S", GgmlType.Q5_K, 16)]
    [InlineData("Q5_K_M", "Q5_K_M", GgmlType.Q5_K, 17)]
    [InlineData("q6_k", "Q6_K", GgmlType.Q6_K, 18)]
    [InlineData("iq4_nl", "IQ4_NL", GgmlType.IQ4_NL, 25)]
    [InlineData("IQ4_XS", "IQ4_XS", GgmlType.IQ4_XS, 30)]
    [InlineData("TQ1_0", "TQ1_0", GgmlType.TQ1_0, 36)]
    [InlineData("TQ2_0", "TQ2_0", GgmlType.TQ2_0, 37)]
    [InlineData("MXFP4_MOE", "MXFP4_MOE", GgmlType.MXFP4, 38)]
    [InlineData("Q2_K_S", "Q2_K_S", GgmlType.Q2_K, 21)]
    [InlineData("Q1_0", "Q1_0", GgmlType.Q1_0, 40)]
    [InlineData("IQ1_S", "IQ1_S", GgmlType.IQ1_S, 24)]
    [InlineData("IQ1_M", "IQ1_M", GgmlType.IQ1_M, 31)]
    [InlineData("IQ2_XXS", "IQ2_XXS", GgmlType.IQ2_XXS, 19)]
    [InlineData("IQ2_XS", "IQ2_XS", GgmlType.IQ2_XS, 20)]
    [InlineData("IQ2_S", "IQ2_S", GgmlType.IQ2_XS, 28)]
    [InlineData("IQ2_M", "IQ2_M", GgmlType.IQ2_S, 29)]
    [InlineData("IQ3_XXS", "IQ3_XXS", GgmlType.IQ3_XXS, 23)]
    [InlineData("IQ3_XS", "IQ3_XS", GgmlType.IQ3_S, 22)]
    [InlineData("IQ3_S", "IQ3_S", GgmlType.IQ3_S, 26)]
    [InlineData("IQ3_M", "IQ3_M", GgmlType.IQ3_S, 27)]
    [InlineData("Q2_0", "Q2_0", GgmlType.Q2_0, 41)]
    [InlineData("bf16", "BF16", GgmlType.BF16, 32)]
    public void NumbersAreLlamaCpps(string given, string name, GgmlType type, int fileType) => Assert.Equal(new Recipe(name, type, fileType), Recipe.Parse(given));

    [Theory]
    [InlineData("Q4_K_XL")]
    [InlineData("")]
    [InlineData(null)]
    public void UnknownNameListsTheKnownOnes(string? name)
    {
        var exception = Assert.Throws<ModelOpsException>(() => Recipe.Parse(name!));
        Assert.Equal(ErrorKind.InvalidArgument, exception.Kind);
        Assert.All(Recipe.All, recipe => Assert.Contains(recipe.Name, exception.Hint, StringComparison.Ordinal));
    }

    [Fact]
    public void ConvertersOwnFilesHaveTheseTypes()
    {
        var compared = 0;
        foreach (var path in Directory.EnumerateFiles(Path.Combine(TestPaths.Assets, "golden"), "official.*.gguf", SearchOption.AllDirectories))
        {
            // official.mmproj.bf16.gguf is a projector, which has rules of its own.
            if (Path.GetFileNameWithoutExtension(path).Split('.') is not [_, var type])
                continue;
            var recipe = Recipe.Parse(type);
            var file = GgufFile.Read(path);
            // An adapter's file names no type.
            if (file.Metadata.FindString("general.type") == "adapter")
                continue;
            // Blocks of a quantised checkpoint are moved whatever the recipe, and name the file.
            var moved = file.Tensors.Select(tensor => tensor.Type).FirstOrDefault(kept => kept is GgmlType.MXFP4 or GgmlType.NVFP4);
            Assert.Equal(moved switch { GgmlType.MXFP4 => 38, GgmlType.NVFP4 => 39, _ => recipe.FileType }, file.Metadata.GetInteger("general.file_type"));
            var types = TensorTypes.Choose(recipe, RecipeOverrides.None, [.. file.Tensors.Select(tensor => new MixedTensor(tensor.Name, tensor.Shape))], MixTraits.Of(file.Metadata));
            foreach (var (tensor, chosen) in file.Tensors.Zip(types).Where(pair => pair.First.Type is not (GgmlType.MXFP4 or GgmlType.NVFP4)))
            {
                Assert.True(tensor.Type == chosen.Type, $"{path} {tensor.Name}");
                compared++;
            }
        }
        Assert.InRange(compared, 100, int.MaxValue);
    }

    [Theory]
    [InlineData("blk.4.ffn_down_exps.weight")]
    [InlineData("blk.99999999999999999999.ffn_down_exps.weight")]
    [InlineData("ffn_down_exps.weight")]
    public void ExpertsOfNoLayerAreRefused(string name)
    {
        var exception = Assert.Throws<ModelOpsException>(() => TensorTypes.Choose(Recipe.Parse("Q4_K_M"), RecipeOverrides.None, [new(name, [256, 2, 4])], new MixTraits("qwen3moe", Layers: 4, Experts: 4)));
        Assert.Equal(ErrorKind.CorruptFile, exception.Kind);
        Assert.Contains(name, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    // An output or tied embedding: Q6_K; Q8_0 for rows that are not whole super-blocks, F16 for odd ones.
    [InlineData("Q4_0", "output.weight", 512, 1000, false, GgmlType.Q6_K)]
    [InlineData("Q4_0", "token_embd.weight", 512, 1000, true, GgmlType.Q6_K)]
    [InlineData("Q4_0", "per_layer_token_embd.weight", 512, 1000, true, GgmlType.Q6_K)]
    [InlineData("Q4_0", "token_embd.weight", 512, 1000, false, GgmlType.Q4_0)]
    [InlineData("Q4_0", "token_embd.weight", 96, 1000, true, GgmlType.Q8_0)]
    [InlineData("Q4_0", "token_embd.weight", 40, 1000, true, GgmlType.F16)]
    [InlineData("Q5_1", "output.weight", 512, 1000, false, GgmlType.Q6_K)]
    [InlineData("Q6_K", "output.weight", 96, 1000, false, GgmlType.Q8_0)]
    [InlineData("Q8_0", "output.weight", 512, 1000, false, GgmlType.Q8_0)]
    [InlineData("BF16", "token_embd.weight", 512, 1000, true, GgmlType.BF16)]
    // Ordinary matrices.
    [InlineData("Q4_0", "blk.0.attn_q.weight", 512, 512, true, GgmlType.Q4_0)]
    [InlineData("Q4_0", "blk.0.attn_q.weight", 40, 512, true, GgmlType.F16)]
    [InlineData("Q6_K", "blk.0.attn_q.weight", 96, 512, true, GgmlType.Q8_0)]
    [InlineData("Q6_K", "blk.0.attn_q.weight", 40, 512, true, GgmlType.F16)]
    [InlineData("Q8_0", "blk.0.attn_q.weight", 40, 512, true, GgmlType.F16)]
    [InlineData("F16", "blk.0.attn_q.weight", 40, 512, true, GgmlType.F16)]
    // Rows that are no whole super-blocks.
    [InlineData("IQ4_XS", "blk.0.attn_q.weight", 96, 512, true, GgmlType.IQ4_NL)]
    [InlineData("Q2_K", "blk.0.attn_q.weight", 96, 512, true, GgmlType.Q4_0)]
    [InlineData("Q2_0", "blk.0.attn_q.weight", 96, 512, true, GgmlType.Q4_0)]
    [InlineData("Q1_0", "blk.0.attn_q.weight", 96, 512, true, GgmlType.F16)]
    [InlineData("Q3_K_S", "blk.0.attn_q.weight", 96, 512, true, GgmlType.Q4_0)]
    [InlineData("TQ1_0", "blk.0.attn_q.weight", 96, 512, true, GgmlType.Q4_0)]
    [InlineData("TQ2_0", "blk.0.attn_q.weight", 96, 512, true, GgmlType.Q4_0)]
    [InlineData("Q4_K_S", "blk.0.attn_q.weight", 96, 512, true, GgmlType.Q5_0)]
    [InlineData("Q5_K_S", "blk.0.attn_q.weight", 96, 512, true, GgmlType.Q5_1)]
    [InlineData("Q4_K_S", "blk.0.attn_q.weight", 40, 512, true, GgmlType.F16)]
    // Never quantised.
    [InlineData("Q4_0", "blk.0.attn_norm.weight", 512, 1, true, GgmlType.F32)]
    [InlineData("Q4_0", "blk.0.ssm_norm.weight", 512, 8, true, GgmlType.F32)]
    [InlineData("Q8_0", "blk.0.ssm_norm.weight", 512, 8, true, GgmlType.F32)]
    [InlineData("Q4_0", "blk.0.ffn_gate_inp.weight", 512, 8, true, GgmlType.F32)]
    [InlineData("BF16", "blk.12.ffn_gate_inp.weight", 512, 8, true, GgmlType.F32)]
    [InlineData("BF16", "blk.12.ffn_gate_exps.bias", 512, 8, true, GgmlType.F32)]
    [InlineData("Q4_0", "blk.12.attn_q.bias", 512, 8, true, GgmlType.F32)]
    [InlineData("Q4_0", "position_embd.weight", 512, 8, true, GgmlType.F32)]
    [InlineData("Q4_0", "per_layer_model_proj.weight", 512, 8, true, GgmlType.BF16)]
    [InlineData("Q8_0", "per_layer_model_proj.weight", 512, 8, true, GgmlType.Q8_0)]
    [InlineData("Q4_0", "blk.0.laurel_l.weight", 512, 8, true, GgmlType.BF16)]
    [InlineData("Q4_0", "blk.0.shortconv.conv.weight", 64, 8, true, GgmlType.F32)]
    public void TypeForATensor(string recipe, string name, int rowLength, int rows, bool tied, GgmlType expected)
    {
        MixedTensor tensor = new(name, rows == 1 ? [rowLength] : [rowLength, rows]);
        MixedTensor[] others = tied || name == "output.weight" ? [] : [new("output.weight", [512, 1000])];
        Assert.Equal(expected, TensorTypes.Choose(Recipe.Parse(recipe), RecipeOverrides.None, [tensor, .. others], new MixTraits("llama"))[0].Type);
    }
}
