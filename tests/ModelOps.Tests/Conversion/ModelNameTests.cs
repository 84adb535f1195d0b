using System.Globalization;
using ModelOps.Conversion;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Names and sizes against what gguf-py's metadata.py and utility.py answered for the same input (printed by them, pasted here).</summary>
public sealed class ModelNameTests
{
    public static TheoryData<string, long, string?, string?, string?, string?, string?, string?, string?> Names => new()
    {
        { "meta-llama/Llama-2-7b-hf", 6738415616, "Llama-2-7b-hf", "meta-llama", "Llama-2", "hf", null, "7B", "Llama 2 7b Hf" },
        { "google/gemma-3-27b-it", 27009346304, "gemma-3-27b-it", "google", "gemma-3", "it", null, "27B", "Gemma 3 27b It" },
        { "google/gemma-3-4b-it-qat-q4_0-unquantized", 3880099328, "gemma-3-4b-it-qat-q4_0-unquantized", "google", "gemma-3", "it-qat-unquantized", null, "4B", "Gemma 3 4b It Qat Q4_0 Unquantized" },
        { "Mistral-7B-Instruct-v0.3", 7248023552, "Mistral-7B-Instruct-v0.3", null, "Mistral", "Instruct", "v0.3", "7B", "Mistral 7B Instruct v0.3" },
        { "mistralai/Mixtral-8x7B-Instruct-v0.1", 46702792704, "Mixtral-8x7B-Instruct-v0.1", "mistralai", "Mixtral", "Instruct", "v0.1", "8x7B", "Mixtral 8x7B Instruct v0.1" },
        { "bigscience/bloom-7b1-petals", 7069016064, "bloom-7b1-petals", "bigscience", "bloom", "petals", null, "7.1B", "Bloom 7b1 Petals" },
        { "Nous-Hermes-2-Mistral-7B-DPO", 7241748480, "Nous-Hermes-2-Mistral-7B-DPO", null, "Nous-Hermes-2-Mistral", "DPO", null, "7B", "Nous Hermes 2 Mistral 7B DPO" },
        { "Phi-3-mini-4k-instruct", 3821079552, "Phi-3-mini-4k-instruct", null, "Phi-3", "4k-instruct", null, "mini", "Phi 3 Mini 4k Instruct" },
        { "microsoft/Phi-3-medium-128k-instruct", 13960238080, "Phi-3-medium-128k-instruct", "microsoft", "Phi-3", "128k-instruct", null, "medium", "Phi 3 Medium 128k Instruct" },
        { "a human sentence", 1, "a human sentence", null, null, null, null, null, "A Human Sentence" },
        { "hf", 67000, "hf", null, null, null, null, null, "Hf" },
        { "./relative", 1000, "relative", null, null, null, null, null, "Relative" },
        { "Qwen2.5-0.5B-Instruct", 494032768, "Qwen2.5-0.5B-Instruct", null, "Qwen2.5", "Instruct", null, "0.5B", "Qwen2.5 0.5B Instruct" },
        { "v1.2-test", 1000, "v1.2-test", null, null, null, null, null, "v1.2 Test" },
        { "tiny-llama", 1000, "tiny-llama", null, null, null, null, null, "Tiny Llama" },
        { "demo-gemma-qat", 3611648, "demo-gemma-qat", null, null, null, null, null, "Demo Gemma Qat" },
        { "SmolLM2-135M-Instruct", 134515008, "SmolLM2-135M-Instruct", null, "SmolLM2", "Instruct", null, "135M", "SmolLM2 135M Instruct" },
        { "codellama/CodeLlama-34b-Instruct-hf", 33743970304, "CodeLlama-34b-Instruct-hf", "codellama", "CodeLlama", "Instruct-hf", null, "34B", "CodeLlama 34b Instruct Hf" },
        { "Llama-3-Instruct-8B-SimPO-v0.2", 8030261248, "Llama-3-Instruct-8B-SimPO-v0.2", null, "Llama-3", "Instruct-SimPO", "v0.2", "8B", "Llama 3 Instruct 8B SimPO v0.2" },
        { "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1777088000, "DeepSeek-R1-Distill-Qwen-1.5B", "deepseek-ai", "DeepSeek-R1-Distill-Qwen", null, null, "1.5B", "DeepSeek R1 Distill Qwen 1.5B" },
        { "org/Model-Q4_K_M-7B", 7000000000, "Model-Q4_K_M-7B", "org", "Model", null, null, "7B", "Model Q4_K_M 7B" },
        { "TinyLlama/TinyLlama-1.1B-Chat-v1.0", 1100048384, "TinyLlama-1.1B-Chat-v1.0", "TinyLlama", "TinyLlama", "Chat", "v1.0", "1.1B", "TinyLlama 1.1B Chat v1.0" },
        { "modelops/demo-llama", 3410176, "demo-llama", "modelops", null, null, null, null, "Demo Llama" },
        { "gemma-3-270m-it", 268098176, "gemma-3-270m-it", null, "gemma-3", "it", null, "270M", "Gemma 3 270m It" },
        { "--odd--name-", 5, "--odd--name-", null, null, null, null, null, "Odd Name" },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Parse_AnswersAsGgufPy(string id, long weights, string? name, string? organization, string? baseName, string? fineTune, string? version, string? sizeLabel, string? title)
    {
        var parsed = ModelId.Parse(id, weights);
        Assert.Equal(new ModelId(name, organization, baseName, fineTune, version, sizeLabel), parsed);
        Assert.Equal(title, ModelId.ToTitle(parsed.Name!));
    }

    /// <summary>A shell has its user's culture, and what is written into a file must not depend on it.</summary>
    [Fact]
    public void Parse_ReadsAPointWhereTheCultureHasACommaAsWell()
    {
        var before = CultureInfo.CurrentCulture;
        var german = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (german.NumberFormat.NumberDecimalSeparator, german.NumberFormat.NumberGroupSeparator) = (",", ".");
        CultureInfo.CurrentCulture = german;
        try
        {
            Assert.Equal("1.5B", ModelId.Parse("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1777088000).SizeLabel);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    public static TheoryData<long, string> Sizes => new()
    {
        { 0, "0.00K" },
        { 1, "0.00K" },
        { 9, "0.01K" },
        { 45, "0.04K" },
        { 500, "0.50K" },
        { 999, "1.0K" },
        { 1000, "1.0K" },
        { 1049, "1.0K" },
        { 9949, "10K" },
        { 9950, "10K" },
        { 46500, "46K" },
        { 47500, "48K" },
        { 67215, "67K" },
        { 99500, "100K" },
        { 100000, "100K" },
        { 105000, "105K" },
        { 114688, "115K" },
        { 1250000, "1.2M" },
        { 1350000, "1.3M" },
        { 999499, "999K" },
        { 999500, "1000K" },
        { 1000001, "1.0M" },
        { 3410176, "3.4M" },
        { 3611648, "3.6M" },
        { 134515008, "135M" },
        { 494032768, "494M" },
        { 999999999, "1000M" },
        { 1000000001, "1.0B" },
        { 1100048384, "1.1B" },
        { 1250000000, "1.2B" },
        { 6738415616, "6.7B" },
        { 27009346304, "27B" },
        { 405853388800, "406B" },
        { 1000000000001, "1.0T" },
        { 1250000000001, "1.3T" },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Format_RoundsAsGgufPy(long weights, string label) => Assert.Equal(label, SizeLabel.Format(weights));

    [Fact]
    public void ModelCard_ReadsTextsAndLists()
    {
        var card = ModelCard.Parse("""
            ---
            license: "apache-2.0" 
            language:
            - en
            - no
            tags: [a, 'b c', "d"]
            # a comment
            base_model: org/Base-7B # quantised from
            empty:
            model-index:
            - name: x
              results:
                - task: y
            description: |
              several lines
            license_name: ~
            datasets:
              - org/one
              - org/two
            ---
            tags: not this
            """);
        Assert.Equal("apache-2.0", card.FindText("license"));
        Assert.Equal(["en", "no"], card.FindList("language"));
        Assert.Equal(["a", "b c", "d"], card.FindList("tags"));
        Assert.Equal("org/Base-7B", card.FindText("missing", "base_model"));
        Assert.Equal(["org/Base-7B"], card.FindList("base_model"));
        Assert.Equal(["org/one", "org/two"], card.FindList("datasets"));
        Assert.Null(card.FindText("tags"));
        Assert.Null(card.FindList("empty"));
        Assert.Empty(card.FindList("model-index")!);
        Assert.Equal("several lines\n", card.FindText("description"));
        Assert.Null(card.FindText("license_name"));
        Assert.Null(ModelCard.Parse("# No front matter\nlicense: mit").FindText("license"));
        Assert.Null(ModelCard.Parse("").FindText("license"));
        Assert.Null(ModelCard.Parse("---").FindText("license"));
    }
}
