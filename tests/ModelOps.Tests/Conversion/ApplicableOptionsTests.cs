using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Options that a source gives no meaning are refused, not passed over.</summary>
public sealed class ApplicableOptionsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama/hf", "base")]
    [InlineData("llama/official.bf16.gguf", "base")]
    [InlineData("llama/official.bf16.gguf", "pre")]
    [InlineData("llama/official.bf16.gguf", "lora")]
    [InlineData("llama/hf", "pre")] // SentencePiece
    [InlineData("lora-llama/hf", "pre")]
    [InlineData("lora-llama/hf", "lora")]
    public void OptionThatMeansNothing_IsRefused(string source, string option)
    {
        var llama = Path.Combine(TestPaths.Golden("llama"), "hf");
        var exception = Assert.Throws<ModelOpsException>(() => Plan(source, option switch
        {
            "base" => new() { BaseModel = llama },
            "pre" => new() { PreTokenizer = "qwen2" },
            _ => new() { Adapters = [new AdapterMerge(Path.Combine(TestPaths.Golden("lora-llama"), "hf"))] },
        }));
        Assert.Equal(ErrorKind.InvalidArgument, exception.Kind);
        Assert.NotNull(exception.Hint);
    }

    /// <summary>A newer engine may know it, so that it is no error; the engine here says in its own words that it does not.</summary>
    [Fact]
    public void PreTokenizerThatTheEngineDoesNotKnow_IsWarnedOf()
    {
        Assert.Contains("'qwen2'", Assert.Single(Plan("llama3-rope/hf", new() { PreTokenizer = "qwen22" }).Warnings));
        Assert.Empty(Plan("llama3-rope/hf", new() { PreTokenizer = "qwen2" }).Warnings);
    }

    private ConversionPlan Plan(string source, ConversionOptions options)
        => ConversionPlan.Create(Path.Combine(TestPaths.Golden(source.Split('/')[0]), source.Split('/')[1]), _folder.File("out.gguf"), options);
}
