using System.Text.Json.Nodes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>The files that a WordPiece or Unigram vocabulary may come in, judged by the golden files' metadata.</summary>
public sealed class EncoderTokenizerFilesTests : IDisposable
{
    private readonly EncoderCheckpoints _checkpoints = new();

    public void Dispose() => _checkpoints.Dispose();

    [Fact]
    public void VocabularyAsAList_IsThatOfTokenizerJson()
    {
        var plan = _checkpoints.Plan(TinyCheckpoint.Of("bert"), folder => File.Delete(Path.Combine(folder, "tokenizer.json")));
        Assert.Equal(Tokenizer("bert"), Tokenizer(plan.Metadata));
    }

    [Theory]
    [InlineData("do_lower_case", "false", "normalizer.lowercase", false)]
    [InlineData("strip_accents", "false", "normalizer.strip_accents", false)]
    public void VocabularyAsAList_IsNormalisedAsTokenizerConfigSays(string key, string value, string written, object expected)
    {
        var plan = _checkpoints.Plan(TinyCheckpoint.Of("bert"), folder =>
        {
            File.Delete(Path.Combine(folder, "tokenizer.json"));
            Edit(folder, "tokenizer_config.json", config => config[key] = JsonNode.Parse(value));
        });
        Assert.Equal(expected, plan.Metadata[$"tokenizer.ggml.{written}"]);
    }

    [Fact]
    public void VocabularyAsAList_WithoutItsSpecialTokens_IsRefused()
        => Assert.Contains("[MASK]", Refusal("bert", folder =>
        {
            File.Delete(Path.Combine(folder, "tokenizer.json"));
            var path = Path.Combine(folder, "vocab.txt");
            File.WriteAllText(path, File.ReadAllText(path).Replace("[MASK]", "[MUSK]", StringComparison.Ordinal));
        }));

    [Fact]
    public void ModelOfFairseq_IsMovedByOne()
    {
        // The golden T5's model has the very pieces of the golden XLM-R, after three tokens of its own.
        var plan = _checkpoints.Plan(TinyCheckpoint.Of("xlm-roberta"), folder =>
        {
            File.Copy(Path.Combine(TestPaths.Golden("t5"), "hf", "spiece.model"), Path.Combine(folder, "sentencepiece.bpe.model"));
            Edit(folder, "tokenizer.json", tokenizer => tokenizer["model"]!["vocab"] = new JsonArray());
        });
        var (expected, actual) = (GgufFile.Read(GoldenLogits.PathOf("xlm-roberta", "f32")).Metadata, plan.Metadata);
        Assert.Equal(expected.FindArray<string>("tokenizer.ggml.tokens")![..383], actual.FindArray<string>("tokenizer.ggml.tokens")![..383]);
        Assert.Equal(expected.FindArray<float>("tokenizer.ggml.scores")![..383], actual.FindArray<float>("tokenizer.ggml.scores")![..383]);
        Assert.Equal(expected.FindArray<int>("tokenizer.ggml.token_type")![..383], actual.FindArray<int>("tokenizer.ggml.token_type")![..383]);
        Assert.Equal(expected["tokenizer.ggml.precompiled_charsmap"], actual["tokenizer.ggml.precompiled_charsmap"]);
        // The model has no mask; llama.cpp's converter leaves its place to padding.
        Assert.Equal("[PAD382]", actual.FindArray<string>("tokenizer.ggml.tokens")![383]);
    }

    [Fact]
    public void T5_WithTokenizerJsonAlone_HasItsPieces()
    {
        var plan = _checkpoints.Plan(TinyCheckpoint.Of("t5"), folder =>
        {
            File.Delete(Path.Combine(folder, "spiece.model"));
            File.Copy(Path.Combine(TestPaths.Golden("xlm-roberta"), "hf", "tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
            Edit(folder, "tokenizer.json", tokenizer => tokenizer["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 50, ["content"] = "a b", ["special"] = false }));
        });
        var expected = GgufFile.Read(GoldenLogits.PathOf("xlm-roberta", "f32")).Metadata;
        Assert.Equal(expected.FindArray<float>("tokenizer.ggml.scores"), plan.Metadata.FindArray<float>("tokenizer.ggml.scores"));
        var (tokens, kinds) = (plan.Metadata.FindArray<string>("tokenizer.ggml.tokens")!, plan.Metadata.FindArray<int>("tokenizer.ggml.token_type")!);
        Assert.Equal(("a b", 4), (tokens[50], kinds[50]));
        Assert.Equal([3, 3, 3, 2, 1], kinds[..5]);
        Assert.Equal(3, kinds[383]);
        Assert.False(plan.Metadata.ContainsKey("tokenizer.ggml.token_type_count"));
    }

    [Theory]
    [InlineData("""[{"type": "Metaspace", "prepend_scheme": "never"}]""", false, true)]
    [InlineData("""[{"type": "WhitespaceSplit"}, {"type": "Metaspace", "prepend_scheme": "always"}]""", true, true)]
    [InlineData("""[{"type": "Metaspace", "add_prefix_space": true}]""", true, false)]
    public void Unigram_TreatsSpacesAsTheStepsSay(string steps, bool prefix, bool library)
    {
        var metadata = _checkpoints.Plan(TinyCheckpoint.Of("xlm-roberta"), folder =>
        {
            Edit(folder, "tokenizer.json", tokenizer => tokenizer["pre_tokenizer"] = new JsonObject { ["type"] = "Sequence", ["pretokenizers"] = JsonNode.Parse(steps) });
            // Only where the steps say nothing does the library's flag count.
            Edit(folder, "tokenizer_config.json", config => config["clean_up_tokenization_spaces"] = library && !steps.Contains("Split", StringComparison.Ordinal));
        }).Metadata;
        Assert.Equal(prefix, metadata["tokenizer.ggml.add_space_prefix"]);
        Assert.Equal(library, metadata["tokenizer.ggml.remove_extra_whitespaces"]);
    }

    [Theory]
    [InlineData("xlm-roberta", """{"normalizer": {"type": "Lowercase"}}""", "Lowercase")]
    [InlineData("xlm-roberta", """{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "////fwAA"}}""", "precompiled_charsmap")]
    [InlineData("xlm-roberta", """{"pre_tokenizer": {"type": "Whitespace"}}""", "Whitespace")]
    [InlineData("bert", """{"pre_tokenizer": {"type": "Whitespace"}}""", "pre-tokenizer")]
    [InlineData("bert", """{"normalizer": {"type": "BertNormalizer", "handle_chinese_chars": false}}""", "handle_chinese_chars")]
    [InlineData("bert", """{"normalizer": {"type": "BertNormalizer", "clean_text": false}}""", "clean_text")]
    [InlineData("bert", """{"normalizer": {"type": "NFKC"}}""", "NFKC")]
    [InlineData("xlm-roberta", """{"model": {"type": "Unigram", "unk_id": 3, "vocab": [["a"]]}}""", "a text and a score")]
    [InlineData("xlm-roberta", """{"model": {"type": "Unigram", "vocab": [["a", -1]]}, "added_tokens": []}""", "unk_id")]
    [InlineData("xlm-roberta", """{"model": {"type": "Unigram", "unk_id": 999, "vocab": [["a", -1]]}, "added_tokens": []}""", "999")]
    [InlineData("xlm-roberta", """{"added_tokens": [{"id": -1, "content": "x"}]}""", "vocabulary")]
    [InlineData("bert", """{"model": {"type": "WordPiece", "vocab": {"a": 2147483647}}}""", "2147483647")]
    [InlineData("bert", """{"model": {"type": "WordPiece", "vocab": {"a": -1}}}""", "size of 300")]
    [InlineData("bert", """{"model": {"type": "WordPiece", "continuing_subword_prefix": "@@", "vocab": {}}}""", "@@")]
    public void WhatIsDamaged_OrTheEngineDoesNotHave_IsRefused(string golden, string replaced, string named)
        => Assert.Contains(named, Refusal(golden, folder => Edit(folder, "tokenizer.json", tokenizer =>
        {
            foreach (var (key, value) in JsonNode.Parse(replaced)!.AsObject())
                tokenizer[key] = value!.DeepClone();
        })));

    private static void Edit(string folder, string name, Action<JsonObject> edit)
    {
        var path = Path.Combine(folder, name);
        var root = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(root);
        File.WriteAllText(path, root.ToJsonString());
    }

    private static IEnumerable<string> Tokenizer(string golden) => Tokenizer(GgufFile.Read(GoldenLogits.PathOf(golden, "f32")).Metadata);

    private static IEnumerable<string> Tokenizer(GgufMetadata metadata)
        => metadata.Where(entry => entry.Key.StartsWith("tokenizer.", StringComparison.Ordinal)).Select(entry => $"{entry.Key}: {(entry.Value is Array values ? string.Join('|', values.Cast<object>()) : entry.Value)}");

    private string Refusal(string golden, Action<string> edit)
    {
        var exception = Assert.Throws<ModelOpsException>(() => _checkpoints.Plan(TinyCheckpoint.Of(golden), edit));
        Assert.True(exception.Kind is ErrorKind.UnsupportedTokenizer or ErrorKind.CorruptFile, exception.ToString());
        return exception.Message;
    }
}
