using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>What a README's front matter puts into a file, against what llama.cpp's converter wrote for the same cards (pasted here).</summary>
public sealed class GeneralMetadataTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string[]> Cards => new()
    {
        {
            "---\nname: My Model\nauthor: Bob\nversion: v1.2\norganization: Org Inc\ndescription: A thing\nfinetune: chat\nbasename: base\nsize_label: 7B\nurl: https://a\ndoi: 10.1/2\nuuid: abc\nrepo_url: https://r\n---\n",
            ["author=Bob", "basename=base", "description=A thing", "finetune=chat", "name=My Model", "organization=Org Inc", "size_label=7B", "source.doi=10.1/2", "source.repo_url=https://r", "source.url=https://a", "source.uuid=abc", "version=v1.2"]
        },
        {
            "---\nbase_model:\n- name: Foo\n  author: A\n  repo_url: https://x\n- org/bar-7b\ndatasets:\n- name: D\n  url: https://q\n---\n",
            ["base_model.0.author=A", "base_model.0.name=Foo", "base_model.0.repo_url=https://x", "base_model.1.name=Bar 7b", "base_model.1.organization=Org", "base_model.1.repo_url=https://huggingface.co/org/bar-7b", "base_model.count=2", "dataset.0.name=D", "dataset.0.url=https://q", "dataset.count=1"]
        },
        {
            "---\ntags: ['a, b', \"c: d\", e f, g:h]\nlanguage: [\n  en, # c\n  de\n]\nbase_model: [{name: A, author: 'B'}, org/x-7b]\nlicense: [mit, apache-2.0]\n---\n",
            ["base_model.0.author=B", "base_model.0.name=A", "base_model.1.name=X 7b", "base_model.1.organization=Org", "base_model.1.repo_url=https://huggingface.co/org/x-7b", "base_model.count=2", "languages=en|de", "license=mit,apache-2.0", "tags=a, b|c: d|e f|g:h"]
        },
        {
            "---\nlicense:\nbase_model:\ndatasets:\ntags:\nlanguage:\nmodel_name: null\n---\n# x\n",
            ["base_model.count=0", "dataset.count=0"]
        },
        {
            "---\ndescription: \"a\n  b\n\n  c\"\nauthor: 'x\n  y'\n---\n",
            ["author=x y", "description=a b\nc"]
        },
        {
            "---\ndescription: |\n  line one\n  line two\nlicense: \"apache-2.0\"   # comment\ntags:\n  # a comment\n  - x # y\n  - z\nextra_gated_prompt: >-\n  blah\n  - not a tag: x\n---\n",
            ["description=line one\nline two\n", "license=apache-2.0", "tags=x|z"]
        },
        {
            "---\nmodel_name: My-Model\nmodel_creator: Bob\nmodel_type: llama\nmodel_description: >\n  A thing\n  of two lines\nmodel_link: x\ninference: false\nquantized_by: TheBloke\nprompt_template: '<s>[INST] {prompt} [/INST]\n\n  '\n---\n",
            ["author=Bob", "basename=llama", "description=A thing of two lines\n", "name=My-Model"]
        },
        {
            "---\ndescription: >-\n  a\n  b\n\n  c\n\n\n  d\n    more\n    x\n  e\n\nlicense: mit\n---\n",
            ["description=a b\nc\n\nd\n  more\n  x\ne", "license=mit"]
        },
        {
            "---\nbase_models: http://huggingface.co/org/Model-7B-v0.1\ndataset_sources: ssh://x/y\n---\n",
            ["base_model.0.name=Model 7B v0.1", "base_model.0.organization=Org", "base_model.0.repo_url=http://huggingface.co/org/Model-7B-v0.1", "base_model.0.version=v0.1", "base_model.count=1", "dataset.0.repo_url=ssh://x/y", "dataset.count=1"]
        },
        {
            "---\nlicense:\n- apache-2.0\n- mit\nlicense_name: foo\nlicense_link: https://x.y/z\nlanguage:\n  - en\n  - no\n  - de\ntags:\n- a\n- 'b c'\n- \"d\"\npipeline_tag: text-generation\nlibrary_name: transformers\nbase_model:\n- meta-llama/Llama-3.1-8B-Instruct\n- https://huggingface.co/Qwen/Qwen2.5-7B\n- local-model\ndatasets:\n- org/data-set_v1.0\n- https://huggingface.co/datasets/a/b\n- plain\n---\n",
            ["base_model.0.name=Llama 3.1 8B Instruct", "base_model.0.organization=Meta Llama", "base_model.0.repo_url=https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct", "base_model.1.name=Qwen2.5 7B", "base_model.1.organization=Qwen", "base_model.1.repo_url=https://huggingface.co/Qwen/Qwen2.5-7B", "base_model.2.name=Local Model", "base_model.count=3", "dataset.0.name=Data Set_V1.0", "dataset.0.organization=Org", "dataset.0.repo_url=https://huggingface.co/org/data-set_v1.0", "dataset.1.repo_url=https://huggingface.co/datasets/a/b", "dataset.2.name=Plain", "dataset.count=3", "languages=en|no|de", "license=apache-2.0,mit", "license.link=https://x.y/z", "license.name=foo", "tags=a|b c|d|text-generation"]
        },
        {
            "---\n# top\nlicense: mit # c\n# mid\ntags:\n# in\n- a # x\n  # deep\n- b\n\nlanguage: en\n---\n",
            ["languages=en", "license=mit", "tags=a|b"]
        },
        {
            "---\nname: ''\nauthor: \"\"\nlicense: ''\ntags: ['']\n---\n",
            ["tags="]
        },
        {
            "---\nauthor: Jürgen 😀\ndescription: \"\\U0001F600 \\x41\\t\"\ntags: [中文, é]\n---\n",
            ["author=Jürgen 😀", "description=😀 A\t", "tags=中文|é"]
        },
    };

    [Theory]
    [MemberData(nameof(Cards))]
    public void Card_IsReadAsUpstreamReadsIt(string card, string[] expected)
    {
        string[] known = ["general.architecture", "general.type", "general.file_type", "general.quantization_version"];
        var written = Plan(card).Metadata
            .Where(entry => entry.Key.StartsWith("general.", StringComparison.Ordinal) && !known.Contains(entry.Key))
            .Select(entry => $"{entry.Key["general.".Length..]}={(entry.Value is string[] values ? string.Join('|', values) : entry.Value)}")
            // Of every card: from the folder's name and the weights.
            .Where(entry => entry != "name=Hf" && !(entry.StartsWith("size_label=", StringComparison.Ordinal) && !card.Contains("size_label", StringComparison.Ordinal)));
        Assert.Equal(expected.Order(StringComparer.Ordinal), written.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("---\n- a\n-\n  - b\n---\n")]
    [InlineData("---\ntags: [a, {b: [c\nlicense: 'x\n---\n")]
    [InlineData("---\n: x\n'\n\"\":\n-:\n  >\n---\n")]
    [InlineData("---\nauthor: |9\n  x\n\n   \n---")]
    public void DamagedCard_IsNoReasonNotToConvert(string card) => Assert.Equal("Hf", Plan(card).Metadata["general.name"]);

    [Fact]
    public void DeepCard_IsCutOff()
    {
        var deep = string.Concat(Enumerable.Range(0, 5000).Select(level => new string(' ', level) + "a:\n"));
        Assert.Equal("Hf", Plan($"---\n{deep}tags: {new string('[', 100_000)}\n---\n").Metadata["general.name"]);
        Assert.Equal("Hf", Plan($"---\ntags:\n{string.Concat(Enumerable.Repeat("- ", 20_000))}a\n---\n").Metadata["general.name"]);
    }

    /// <summary>Older versions of the library save an empty name, which upstream takes for one.</summary>
    [Theory]
    [InlineData("", "")]
    [InlineData("/name", "Name")]
    [InlineData("org/Base-7B", "Base 7B")]
    [InlineData("/home/me/model", "Hf")]
    public void NameOrPath_IsTheNameUnlessAPath(string name, string expected)
    {
        var checkpoint = TinyCheckpoint.Of("qwen2");
        checkpoint.Config["_name_or_path"] = name;
        var metadata = Plan(checkpoint.Save(_folder), null).Metadata;
        Assert.Equal(expected, metadata.FindString("general.name") ?? "");
        Assert.Equal(name.StartsWith("org/", StringComparison.Ordinal) ? "Org" : null, metadata.FindString("general.organization"));
    }

    /// <summary>Upstream gives no token a part by its name then; config.json's ids are left.</summary>
    [Fact]
    public void WithoutTokenizerConfig_SpecialTokensAreThoseOfTheConfig()
    {
        var folder = TinyCheckpoint.Of("bert").Save(_folder);
        File.Delete(Path.Combine(folder, "tokenizer_config.json"));
        var metadata = Plan(folder, null).Metadata;
        Assert.DoesNotContain("tokenizer.ggml.bos_token_id", metadata.Select(entry => entry.Key));
        Assert.Contains("tokenizer.ggml.add_bos_token", metadata.Select(entry => entry.Key));
    }

    private ConversionPlan Plan(string card) => Plan(TinyCheckpoint.Of("qwen2").Save(_folder), card);

    private ConversionPlan Plan(string folder, string? card)
    {
        if (card is not null)
            File.WriteAllText(Path.Combine(folder, "README.md"), card);
        return ConversionPlan.Create(folder, _folder.File("model.gguf"), new ConversionOptions { Type = "F32", Overwrite = true, Provenance = false });
    }
}
