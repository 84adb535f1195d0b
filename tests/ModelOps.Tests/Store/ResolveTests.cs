using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>What a user may write as MODEL, on a cache that other tools filled.</summary>
public sealed class ResolveTests : IDisposable
{
    private const string Old = "1111111111111111111111111111111111111111";
    private const string Main = "2222222222222222222222222222222222222222";
    private readonly TempStore _temp = new();

    public ResolveTests()
    {
        Add("models--google--gemma-3-1b-it-GGUF", Old, "gemma-3-1b-it-Q4_0.gguf", "gemma-3-1b-it-Q8_0.gguf");
        Add("models--google--gemma-3-1b-it-GGUF", Main, "gemma-3-1b-it-Q4_0.gguf", "BF16/gemma-3-1b-it-BF16-00001-of-00002.gguf", "BF16/gemma-3-1b-it-BF16-00002-of-00002.gguf");
        _temp.Add("models--google--gemma-3-1b-it-GGUF/refs/main", Main);
        Add("models--o--half", Main, "half-Q4_0-00001-of-00002.gguf", "config.json");
        Add("models--o--checkpoint", Main, "config.json", "model.safetensors", "tokenizer.json");
        Add("models--gpt2", Main, "config.json", "model.safetensors");
        _temp.Add("datasets--o--d/snapshots/" + Main + "/x.gguf");
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void ModelsOfOtherToolsAreFoundWhenComplete() => Assert.Equal(
        ["google/gemma-3-1b-it-GGUF:BF16", "google/gemma-3-1b-it-GGUF:Q4_0", "google/gemma-3-1b-it-GGUF:Q4_0", "google/gemma-3-1b-it-GGUF:Q8_0", "gpt2:safetensors", "o/checkpoint:safetensors"],
        _temp.Store.GetModels().Select(model => $"{model.Repository}:{model.Variant}").Order(StringComparer.Ordinal));

    [Fact]
    public void LinkToNowhereIsNoFile()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        string snapshot = Path.Combine(_temp.Directory, "models--o--broken", "snapshots", Main);
        Directory.CreateDirectory(snapshot);
        File.CreateSymbolicLink(Path.Combine(snapshot, "m-Q4_0.gguf"), "../../blobs/none");
        File.CreateSymbolicLink(Path.Combine(snapshot, "n-Q4_0.gguf"), "n-Q4_0.gguf");
        Assert.DoesNotContain(_temp.Store.GetModels(), model => model.Repository == "o/broken");
    }

    [Theory]
    [InlineData("google/gemma-3-1b-it-GGUF", Main + "/gemma-3-1b-it-Q4_0.gguf", ModelKind.Gguf)]
    [InlineData("google/gemma-3-1b-it-GGUF:Q8_0", Old + "/gemma-3-1b-it-Q8_0.gguf", ModelKind.Gguf)]
    [InlineData("Google/Gemma-3-1B-it-gguf:bf16", Main + "/BF16/gemma-3-1b-it-BF16-00001-of-00002.gguf", ModelKind.Gguf)]
    [InlineData("o/checkpoint", Main, ModelKind.Checkpoint)]
    [InlineData("o/checkpoint:safetensors", Main, ModelKind.Checkpoint)]
    [InlineData("gpt2", Main, ModelKind.Checkpoint)]
    public void InstalledModelIsFoundByName(string model, string path, ModelKind kind)
    {
        ResolvedModel resolved = _temp.Store.Resolve(model);
        Assert.EndsWith(path.Replace('/', Path.DirectorySeparatorChar), resolved.Path);
        Assert.Equal(kind, resolved.Kind);
        Assert.NotNull(resolved.Repository);
    }

    [Theory]
    [InlineData("""{ "weight_map": { "x": "part-b.safetensors", "y": "a.safetensors" } }""", true)]
    [InlineData("""{ "weight_map": { "x": "part-b.safetensors", "y": "missing.safetensors" } }""", false)]
    [InlineData("""{ "weight_map": { "x": "../folder/a.safetensors" } }""", false)]
    [InlineData("""{ "weight_map": {} }""", false)]
    [InlineData("[1", false)]
    public void FolderWithShardsOfOtherNames_IsACheckpointByItsIndex(string index, bool isOne)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_temp.Directory, "folder")).FullName;
        foreach (string file in (string[])["config.json", "part-b.safetensors", "a.safetensors"])
            File.WriteAllText(Path.Combine(folder, file), "{}");
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), index);
        if (isOne)
            Assert.Equal(new ResolvedModel(folder, ModelKind.Checkpoint, null), _temp.Store.ResolveSource(folder));
        else
            Assert.Equal(ErrorKind.ModelNotFound, Assert.Throws<ModelOpsException>(() => _temp.Store.ResolveSource(folder)).Kind);
    }

    [Fact]
    public void WhatIsNeededDecidesBetweenVariants()
    {
        Add("models--o--both", Main, "m-Q4_0.gguf", "config.json", "model.safetensors", "tokenizer.json");

        Assert.EndsWith("m-Q4_0.gguf", _temp.Store.ResolveGguf("o/both"));
        Assert.Equal(ModelKind.Checkpoint, _temp.Store.ResolveSource("o/both").Kind);
        Assert.Equal(ModelKind.Gguf, _temp.Store.ResolveSource("o/both:Q4_0").Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => _temp.Store.ResolveGguf("o/checkpoint")).Kind);
    }

    [Fact]
    public void TwoModelsOfOneQuantizationAreNamedByTheirPaths()
    {
        Add("models--o--two", Main, "small/m-Q4_0.gguf", "large/m-Q4_0.gguf");

        Assert.EndsWith(Path.Combine("large", "m-Q4_0.gguf"), _temp.Store.Resolve("o/two:large/m-Q4_0").Path);
    }

    [Fact]
    public void PathsAreTakenAsTheyAre()
    {
        string gguf = _temp.Add("files/a.gguf", "GGUF....");
        string odd = _temp.Add("files/no-extension", "GGUF....");
        Assert.Equal(new ResolvedModel(gguf, ModelKind.Gguf, null), _temp.Store.Resolve(gguf));
        Assert.Equal(new ResolvedModel(odd, ModelKind.Gguf, null), _temp.Store.Resolve(odd));
        Assert.Equal(gguf, _temp.Store.Resolve(Path.GetDirectoryName(gguf)!).Path);

        string config = _temp.Add("checkpoint/config.json", "{}");
        string weights = _temp.Add("checkpoint/model.safetensors");
        string folder = Path.GetDirectoryName(config)!;
        foreach (string path in (string[])[folder, config, weights])
            Assert.Equal(new ResolvedModel(folder, ModelKind.Checkpoint, null), _temp.Store.Resolve(path));
    }

    [Theory]
    [InlineData(@"C:\models\x.gguf", "file or folder")]
    [InlineData("C:/models", "file or folder")]
    [InlineData("./none", "file or folder")]
    [InlineData("none.gguf", "file or folder")]
    [InlineData("google/gemma-3-1b-it-GUF", "Did you mean google/gemma-3-1b-it-GGUF?")]
    [InlineData("gemma-3-1b", "Did you mean google/gemma-3-1b-it-GGUF?")]
    [InlineData("other/thing", "modelops pull other/thing")]
    [InlineData("other/thing:Q4_0", "modelops pull other/thing --variant Q4_0")]
    [InlineData("google/gemma-3-1b-it-GGUF:Q2_K", "BF16, Q4_0, Q8_0")]
    [InlineData("o/half", "modelops pull o/half")]
    public void MissingModelSaysWhatToDo(string model, string mentions)
    {
        ModelOpsException e = Assert.Throws<ModelOpsException>(() => _temp.Store.Resolve(model));
        Assert.Equal(ErrorKind.ModelNotFound, e.Kind);
        Assert.Contains(mentions, e.Message + " " + e.Hint);
    }

    [Theory]
    [InlineData("model-00002-of-00003.safetensors, model-00003-of-00003.safetensors missing", "config.json", "model-00001-of-00003.safetensors")]
    [InlineData("config.json is missing", "model.safetensors", "tokenizer.json")]
    [InlineData("safetensors files are missing", "config.json", "tokenizer.json")]
    public void IncompleteCheckpointSaysWhatItLacks(string message, params string[] files)
    {
        string folder = Path.GetDirectoryName(files.Select(file => _temp.Add("half/" + file)).ToArray()[0])!;
        Assert.Contains(message, Assert.Throws<ModelOpsException>(() => _temp.Store.ResolveSource(folder)).Message);
    }

    [Fact]
    public void FolderWithoutAModelOrWithSeveralIsRefused()
    {
        string text = _temp.Add("empty/readme.txt");
        Assert.Equal(ErrorKind.ModelNotFound, Assert.Throws<ModelOpsException>(() => _temp.Store.Resolve(Path.GetDirectoryName(text)!)).Kind);
        Assert.Equal(ErrorKind.ModelNotFound, Assert.Throws<ModelOpsException>(() => _temp.Store.Resolve(text)).Kind);
        _temp.Add("two/a-Q4_0.gguf");
        string two = _temp.Add("two/b-Q8_0.gguf");
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => _temp.Store.Resolve(Path.GetDirectoryName(two)!)).Kind);
    }

    private void Add(string folder, string commit, params string[] paths)
    {
        foreach (string path in paths)
            _temp.Add($"{folder}/snapshots/{commit}/{path}");
    }
}
