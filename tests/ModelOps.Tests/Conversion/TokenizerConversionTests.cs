using System.Text.Json;
using System.Text.Json.Nodes;
using ModelOps.Conversion;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Tokenizer files to GGUF, beyond what the golden files show.</summary>
public sealed class TokenizerConversionTests : IDisposable
{
    private const string Llama3Regex = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Pre-tokenizers as they stand in the tokenizer.json of the named model families.
    [Theory]
    [InlineData("llama-bpe", true, """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}""")]
    [InlineData("dbrx", false, """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Removed", "invert": true}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}""")]
    [InlineData("qwen2", false, """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}""")]
    [InlineData("qwen35", false, """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}""")]
    [InlineData("gpt-4o", false, """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}""")]
    [InlineData("tekken", true, """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}""")]
    [InlineData("deepseek-v3", false, """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\\p{N}{1,3}"}, "behavior": "Isolated", "invert": false}, {"type": "Split", "pattern": {"Regex": "[一-龥぀-ゟ゠-ヿ]+"}, "behavior": "Isolated", "invert": false}, {"type": "Split", "pattern": {"Regex": "[!\\\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}""")]
    [InlineData("gpt-2", false, """{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}""")]
    [InlineData("smollm", false, """{"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]}""")]
    public void PreTokenizer_IsNamedByHowItSplits(string name, bool ignoreMerges, string preTokenizer)
    {
        var tokenizer = JsonDocument.Parse($$$"""{"normalizer": {"type": "NFC"}, "pre_tokenizer": {{{preTokenizer}}}, "model": {"type": "BPE", "ignore_merges": {{{(ignoreMerges ? "true" : "false")}}}}}""").RootElement;
        Assert.Equal(name, PreTokenizers.Detect(tokenizer));
    }

    // llama.cpp has several names for one way to split; a family's own is taken only where that way is the file's.
    [Theory]
    [InlineData("command-r", "command-r", """{"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel"}]}""")]
    [InlineData("refact", "refact", """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\\p{N}"}, "behavior": "Isolated"}, {"type": "ByteLevel", "use_regex": true}]}""")]
    [InlineData("starcoder", "gpt-2", """{"type": "ByteLevel"}""")]
    [InlineData(null, "gpt-2", """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated"}, {"type": "ByteLevel", "use_regex": false}]}""")]
    public void PreTokenizer_OfAFamily_IsTakenWhereItSplitsAlike(string? preferred, string name, string preTokenizer)
    {
        var tokenizer = JsonDocument.Parse($$$"""{"pre_tokenizer": {{{preTokenizer}}}, "model": {"type": "BPE"}}""").RootElement;
        Assert.Equal(name, PreTokenizers.Detect(tokenizer, preferred));
    }

    // Whether words skip merging is part of llama.cpp's names, and makes no difference where all words are merged to anyway.
    [Theory]
    [InlineData("""["a b", "ab c"]""", null, "dbrx", false)]
    [InlineData("""["a b", "ab c"]""", "lfm2", "lfm2", false)]
    [InlineData("""["a b", "ab c"]""", "glm4", "glm4", true)]
    [InlineData("""["a b", "b c", "ab c"]""", "lfm2", "lfm2", false)]
    [InlineData("""["b c", "a b", "ab c"]""", "lfm2", "dbrx", false)]
    [InlineData("""["a b"]""", "lfm2", "dbrx", false)]
    [InlineData("""["a b"]""", "glm4", "llama-bpe", true)]
    public void PreTokenizer_WhoseNameSaysOtherwiseOfWholeWords_IsTakenWhereThatChangesNothing(string merges, string? preferred, string name, bool ignoreMerges)
    {
        var tokenizer = JsonSerializer.SerializeToElement(new
        {
            pre_tokenizer = new { type = "Split", pattern = new { Regex = Llama3Regex }, behavior = "Isolated", invert = false },
            model = new { ignore_merges = ignoreMerges, vocab = new { a = 0, b = 1, c = 2, ab = 3, abc = 4, ba = 5 }, merges = JsonNode.Parse(merges) },
            added_tokens = new[] { new { id = 5, content = "ba" } },
        });
        Assert.Equal(name, PreTokenizers.Detect(tokenizer, preferred));
    }

    [Fact]
    public void PreTokenizer_ThatIsNamedByTheCaller_IsTakenAsItIs()
    {
        var checkpoint = Edit("tokenizer.json", tokenizer => tokenizer["pre_tokenizer"] = new JsonObject { ["type"] = "WhitespaceSplit" });
        Assert.Equal(ErrorKind.UnsupportedTokenizer, Assert.Throws<ModelOpsException>(() => Plan(checkpoint)).Kind);
        var plan = ConversionPlan.Create(checkpoint, _folder.File("model.gguf"), new ConversionOptions { PreTokenizer = "whitespace" });
        Assert.Equal("whitespace", plan.Metadata["tokenizer.ggml.pre"]);
    }

    [Theory]
    [InlineData("""{"type": "ByteLevel", "add_prefix_space": true}""", false)]
    [InlineData("""{"type": "ByteLevel", "add_prefix_space": false}""", true)]
    [InlineData("""{"type": "Digits", "individual_digits": false}""", false)]
    [InlineData("""{"type": "Split", "pattern": {"String": " "}, "behavior": "Isolated", "invert": false}""", false)]
    [InlineData("null", false)]
    public void PreTokenizer_ThatIsNearlyKnown_IsRefused(string preTokenizer, bool ignoreMerges)
    {
        var tokenizer = JsonDocument.Parse($$$"""{"pre_tokenizer": {{{preTokenizer}}}, "model": {"type": "BPE", "ignore_merges": {{{(ignoreMerges ? "true" : "false")}}}}}""").RootElement;
        Assert.Equal(ErrorKind.UnsupportedTokenizer, Assert.Throws<ModelOpsException>(() => PreTokenizers.Detect(tokenizer)).Kind);
    }

    [Fact]
    public void PreTokenizer_RegexMustMatchWhole()
    {
        foreach (var regex in new[] { Llama3Regex + "|x", Llama3Regex.Replace("{1,3}", "{1,4}", StringComparison.Ordinal) })
        {
            var tokenizer = JsonSerializer.SerializeToElement(new
            {
                pre_tokenizer = new { type = "Split", pattern = new { Regex = regex }, behavior = "Isolated", invert = false },
                model = new { ignore_merges = true },
            });
            Assert.Contains(regex, Assert.Throws<ModelOpsException>(() => PreTokenizers.Detect(tokenizer)).Message);
        }
    }

    [Fact]
    public void TokenizerJsonAlone_GivesTheVocabularyOfTheSentencePieceModel()
    {
        var checkpoint = _folder.CopyOf(TestPaths.Model("demo-gemma"));
        var withModel = Plan(checkpoint).Metadata;
        File.Delete(Path.Combine(checkpoint, "tokenizer.model"));
        var without = Plan(checkpoint).Metadata;

        Assert.Equal(withModel.FindArray<string>("tokenizer.ggml.tokens"), without.FindArray<string>("tokenizer.ggml.tokens"));
        Assert.Equal(withModel.FindArray<int>("tokenizer.ggml.token_type"), without.FindArray<int>("tokenizer.ggml.token_type"));
        Assert.Equal(withModel.Keys, without.Keys);
        // The scores differ, but the order in which tokens are merged to, which is all they mean, does not.
        var tokens = withModel.FindArray<string>("tokenizer.ggml.tokens")!;
        var merged = JsonNode.Parse(File.ReadAllText(Path.Combine(checkpoint, "tokenizer.json")))!["model"]!["merges"]!.AsArray()
            .Select(merge => $"{merge![0]}{merge[1]}").ToHashSet();
        Assert.Equal(Order(withModel), Order(without));

        List<string> Order(GgufMetadata metadata)
        {
            var scores = metadata.FindArray<float>("tokenizer.ggml.scores")!;
            return [.. Enumerable.Range(0, tokens.Length).Where(id => merged.Contains(tokens[id])).OrderByDescending(id => scores[id]).Select(id => tokens[id])];
        }
    }

    [Fact]
    public void TokenizerModelOfAnotherKind_IsPassedOver()
    {
        var checkpoint = _folder.CopyOf(TestPaths.Model("demo-llama"));
        File.WriteAllText(Path.Combine(checkpoint, "tokenizer.model"), "IQ== 0\nIg== 1\n");
        Assert.Equal("gpt2", Plan(checkpoint).Metadata["tokenizer.ggml.model"]);
    }

    [Fact]
    public void ChatTemplates_SeveralByName()
    {
        var checkpoint = Edit("tokenizer_config.json", config => config["chat_template"] = new JsonArray(
            new JsonObject { ["name"] = "tool_use", ["template"] = "T" },
            new JsonObject { ["name"] = "default", ["template"] = "D" },
            new JsonObject { ["name"] = "rag/x", ["template"] = "R" }));
        var metadata = Plan(checkpoint).Metadata;
        Assert.Equal("D", metadata["tokenizer.chat_template"]);
        Assert.Equal("T", metadata["tokenizer.chat_template.tool_use"]);
        Assert.Equal("R", metadata["tokenizer.chat_template.rag_x"]);
        Assert.Equal(["tool_use", "rag_x"], metadata.FindArray<string>("tokenizer.chat_templates")!);
    }

    [Fact]
    public void ChatTemplate_InAFileOfItsOwn()
    {
        var checkpoint = Edit("tokenizer_config.json", config => config.Remove("chat_template"));
        File.WriteAllText(Path.Combine(checkpoint, "chat_template.jinja"), "from a file\r\n");
        Directory.CreateDirectory(Path.Combine(checkpoint, "additional_chat_templates"));
        File.WriteAllText(Path.Combine(checkpoint, "additional_chat_templates", "tools.jinja"), "with tools");
        var metadata = Plan(checkpoint).Metadata;
        Assert.Equal("from a file\n", metadata["tokenizer.chat_template"]);
        Assert.Equal("with tools", metadata["tokenizer.chat_template.tools"]);
    }

    [Fact]
    public void SpecialTokens_NamesBeatIds_ListsAreLeftOut_FlagsComeFromConfig()
    {
        var checkpoint = Edit("tokenizer_config.json", config =>
        {
            config["eos_token"] = new JsonObject { ["content"] = "<|end_of_text|>" };
            config["add_bos_token"] = false;
            config.Remove("pad_token");
            config["model_max_length"] = JsonNode.Parse("1e30");
        });
        EditJson(checkpoint, "config.json", config =>
        {
            config["bos_token_id"] = 5;
            config["eos_token_id"] = new JsonArray(1, 2);
            config["pad_token_id"] = 7;
        });
        var metadata = Plan(checkpoint).Metadata;
        Assert.Equal(1019u, metadata["tokenizer.ggml.bos_token_id"]);
        Assert.Equal(1020u, metadata["tokenizer.ggml.eos_token_id"]);
        Assert.Equal(7u, metadata["tokenizer.ggml.padding_token_id"]);
        Assert.Equal(false, metadata["tokenizer.ggml.add_bos_token"]);
        Assert.Equal(false, metadata["tokenizer.ggml.add_eos_token"]);
    }

    [Fact]
    public void AddedTokens_NormalButSpecialLooking_AreControl_OthersUserDefined()
    {
        var checkpoint = _folder.CopyOf(TestPaths.Model("demo-llama"));
        EditJson(checkpoint, "tokenizer.json", tokenizer =>
        {
            var added = tokenizer["added_tokens"]!.AsArray();
            added[3]!["special"] = false;
            added[4]!["special"] = false;
            added[4]!["content"] = "a▁b";
        });
        EditJson(checkpoint, "tokenizer_config.json", config => config.Remove("added_tokens_decoder"));
        var metadata = Plan(checkpoint).Metadata;
        Assert.Equal([3, 4], metadata.FindArray<int>("tokenizer.ggml.token_type")![1022..]);
        Assert.Equal("a b", metadata.FindArray<string>("tokenizer.ggml.tokens")![1023]);
    }

    [Fact]
    public void Merges_AsPairsOrTexts_AreTheSame()
    {
        var pairs = JsonDocument.Parse("""{"merges": [["a", "b"], ["Ġ", "c d"]]}""").RootElement;
        Assert.Equal(["a b", "Ġ cĠd"], Merges.Format(pairs));
        Assert.Equal(["a b", "Ġ c"], Merges.Format(JsonDocument.Parse("""{"merges": ["a b", "Ġ c"]}""").RootElement));
    }

    private ConversionPlan Plan(string checkpoint) => ConversionPlan.Create(checkpoint, _folder.File("model.gguf"), new ConversionOptions());

    private string Edit(string name, Action<JsonObject> edit)
    {
        var checkpoint = _folder.CopyOf(TestPaths.Model("demo-llama"));
        EditJson(checkpoint, name, edit);
        return checkpoint;
    }

    private static void EditJson(string checkpoint, string name, Action<JsonObject> edit)
    {
        var path = Path.Combine(checkpoint, name);
        var root = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(root);
        File.WriteAllText(path, root.ToJsonString());
    }
}
