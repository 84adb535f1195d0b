using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Which tensor of a deep model gets which type: whole files against llama_model_quantize of the pinned libllama.</summary>
public sealed class RecipeMixTests : IDisposable
{
    private static readonly Dictionary<string, TestModel> Models = new()
    {
        ["few layers"] = new TestModel("llama", 5, 8, 8),
        ["32 layers"] = new TestModel("llama", 32, 8, 4),
        ["tied, four heads a value"] = new TestModel("llama", 17, 8, 2) { TiedOutput = true },
        ["70B"] = new TestModel("llama", 80, 16, 2),
        ["65B"] = new TestModel("llama", 80, 8, 8),
        ["Qwen2 72B"] = new TestModel("qwen2", 80, 8, 8),
        ["eight experts"] = new TestModel("llama", 32, 8, 2, Experts: 8),
        ["four experts"] = new TestModel("qwen3moe", 24, 8, 8, Experts: 4),
        ["falcon"] = new TestModel("falcon", 32, 8, 1) { FusedAttention = true },
        ["odd rows"] = new TestModel("llama", 16, 8, 8) { FeedForward = 288 },
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Cases { get; } =
    [
        .. from model in Models.Keys
           from recipe in Recipe.All
           where recipe.BaseType.BlockLength() > 1
           // From blocks of 128 llama-quantize has no type to fall back to.
           where (model, recipe.Name) != ("odd rows", "Q1_0")
           select (model, recipe.Name),
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task MixIsLlamaQuantizes(string model, string recipe)
    {
        GgmlOracle.RequireX64();
        var (source, expected) = (_folder.File("source.gguf"), _folder.File("expected.gguf"));
        Models[model].Write(source);
        var options = new ConversionOptions { Type = recipe };
        var isQuantized = LlamaQuantize.TryRun(source, expected, Recipe.Parse(recipe), requantize: false);
        Assert.Equal(!TestImportance.NeedingIt.Contains(recipe), isQuantized);
        if (isQuantized)
            await QuantizeParity.AssertSameBytesAsync(source, expected, _folder.File("actual.gguf"), options);
        else
            Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(source, _folder.File("actual.gguf"), options)).Kind);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task MixByImportanceIsLlamaQuantizes(string model, string recipe)
    {
        GgmlOracle.RequireX64();
        var (source, expected) = (_folder.File("source.gguf"), _folder.File("expected.gguf"));
        Models[model].Write(source);
        var importance = TestImportance.WriteComplete(_folder.File("imatrix"), Models[model]);
        LlamaQuantize.Run(
            source, expected, Recipe.Parse(recipe), importance,
            ("quantize.imatrix.file", "imatrix"), ("quantize.imatrix.dataset", "some text"), ("quantize.imatrix.entries_count", importance.Count), ("quantize.imatrix.chunks_count", 7));
        await QuantizeParity.AssertSameBytesAsync(source, expected, _folder.File("actual.gguf"), new ConversionOptions { Type = recipe, ImportanceMatrix = _folder.File("imatrix") });
    }

    /// <summary>Only differences between recipes are a test of the mix.</summary>
    [Theory]
    [InlineData("Q4_K_M", "32 layers", GgmlType.Q4_K, GgmlType.Q6_K)]
    [InlineData("Q3_K_M", "32 layers", GgmlType.Q3_K, GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q6_K)]
    [InlineData("Q2_K", "tied, four heads a value", GgmlType.Q2_K, GgmlType.Q3_K, GgmlType.Q4_K, GgmlType.Q6_K)]
    [InlineData("IQ4_XS", "32 layers", GgmlType.Q5_K, GgmlType.Q6_K, GgmlType.IQ4_XS)]
    [InlineData("MXFP4_MOE", "four experts", GgmlType.Q8_0, GgmlType.MXFP4)]
    public void MixHasTheseTypes(string recipe, string model, params GgmlType[] expected)
    {
        Models[model].Write(_folder.File("source.gguf"));
        var plan = ConversionPlan.Create(_folder.File("source.gguf"), _folder.File("never.gguf"), new ConversionOptions { Type = recipe });
        Assert.Equal(expected.Order(), plan.Tensors.Select(tensor => tensor.Type).Where(type => type.BlockLength() > 1).Distinct().Order());
    }

    public void Dispose() => _folder.Dispose();
}
