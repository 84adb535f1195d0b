using System.Text;
using System.Text.Json.Nodes;
using ModelOps.Conversion;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Bad checkpoints and bad places to write: one clear error, and nothing left behind.</summary>
public sealed class ConversionFailureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Output => _folder.File("out/model.gguf");

    public ConversionFailureTests() => Directory.CreateDirectory(_folder.File("out"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void UnknownArchitecture_IsNamedWithTheNearest()
    {
        var checkpoint = Copy("llama");
        EditJson(checkpoint, "config.json", config => config["architectures"] = new JsonArray("LlamoForCausalLM"));
        var exception = Fails(ErrorKind.UnsupportedArchitecture, checkpoint);
        Assert.Contains("LlamoForCausalLM", exception.Message);
        Assert.Contains("The nearest by name is LlamaForCausalLM", exception.Hint);
        Assert.Contains("Gemma3ForCausalLM", exception.Hint);
    }

    [Theory]
    [InlineData("[]", ErrorKind.CorruptFile)]
    [InlineData("{", ErrorKind.CorruptFile)]
    [InlineData("{}", ErrorKind.UnsupportedArchitecture)]
    [InlineData("""{"architectures": ["LlamaForCausalLM"]}""", ErrorKind.CorruptFile)]
    [InlineData("""{"architectures": ["LlamaForCausalLM"], "hidden_size": 1e30, "intermediate_size": 1, "num_attention_heads": 1, "num_hidden_layers": 1}""", ErrorKind.CorruptFile)]
    [InlineData("""{"architectures": ["LlamaForCausalLM"], "hidden_size": "64"}""", ErrorKind.CorruptFile)]
    [InlineData("""{"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 1000000000}""", ErrorKind.CorruptFile)]
    public void BrokenConfig_IsRefused(string config, ErrorKind kind)
    {
        var checkpoint = Copy("llama");
        File.WriteAllText(Path.Combine(checkpoint, "config.json"), config);
        Fails(kind, checkpoint);
    }

    [Fact]
    public void ConfigWithBareInfinityAndNaN_IsRead()
    {
        var checkpoint = Copy("llama");
        var config = File.ReadAllText(Path.Combine(checkpoint, "config.json"));
        File.WriteAllText(Path.Combine(checkpoint, "config.json"), config.Insert(config.IndexOf('{') + 1, "\"a\": Infinity, \"b\": [-Infinity, NaN], \"c\": \"NaN \\\"Infinity\","));
        Assert.Equal(21, ConversionPlan.Create(checkpoint, Output, new ConversionOptions()).Tensors.Count);
        Assert.Equal(double.PositiveInfinity, ModelInfo.Read(checkpoint).Metadata["a"]);
        Assert.Equal("NaN \"Infinity", ModelInfo.Read(checkpoint).Metadata["c"]);
    }

    [Fact]
    public void MissingTensors_AreListed()
    {
        var checkpoint = Copy("llama");
        EditJson(checkpoint, "config.json", config => config["num_hidden_layers"] = 3);
        var exception = Fails(ErrorKind.CorruptFile, checkpoint);
        Assert.Contains("9 tensors", exception.Message);
        Assert.Contains("model.layers.2.self_attn.q_proj.weight", exception.Message);
    }

    [Fact]
    public void UnknownTensors_AreListed()
    {
        var checkpoint = Copy("llama");
        EditJson(checkpoint, "config.json", config => config["num_hidden_layers"] = 1);
        Assert.Contains("model.layers.1.mlp.down_proj.weight", Fails(ErrorKind.UnsupportedArchitecture, checkpoint).Message);
    }

    [Fact]
    public void ShapeThatDisagreesWithConfig_SaysBoth()
    {
        var checkpoint = Copy("llama");
        EditJson(checkpoint, "config.json", config => config["intermediate_size"] = 128);
        var exception = Fails(ErrorKind.CorruptFile, checkpoint);
        Assert.Contains("[64, 96]", exception.Message);
        Assert.Contains("[64, 128]", exception.Message);
    }

    [Fact]
    public void UnknownQuantisation_IsRefusedByItsMethod()
    {
        var checkpoint = Copy("llama");
        EditJson(checkpoint, "config.json", config => config["quantization_config"] = new JsonObject { ["quant_method"] = "quip" });
        Assert.Contains("quip", Fails(ErrorKind.UnsupportedType, checkpoint).Message);
    }

    [Theory]
    [InlineData("\"BF16\"", "\"I16\" ", ErrorKind.UnsupportedType)]
    [InlineData("\"BF16\"", "\"XY16\"", null)]
    public void ElementTypeThatIsNoWeight_IsRefused(string from, string to, ErrorKind? kind)
    {
        var checkpoint = Copy("llama");
        var path = Path.Combine(checkpoint, "model.safetensors");
        var bytes = File.ReadAllBytes(path);
        var at = bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(from));
        Encoding.ASCII.GetBytes(to).CopyTo(bytes.AsSpan(at));
        File.WriteAllBytes(path, bytes);
        var exception = Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(checkpoint, Output, new ConversionOptions()));
        Assert.Contains(exception.Kind, kind is { } expected ? [expected] : new[] { ErrorKind.UnsupportedType, ErrorKind.CorruptFile });
    }

    [Fact]
    public void TruncatedWeights_AreCorrupt()
    {
        var checkpoint = Copy("llama");
        Truncate(Path.Combine(checkpoint, "model.safetensors"), 1);
        Fails(ErrorKind.CorruptFile, checkpoint);
    }

    [Fact]
    public void MissingWeights_AreNotFound()
    {
        var checkpoint = Copy("llama");
        File.Move(Path.Combine(checkpoint, "model.safetensors"), Path.Combine(checkpoint, "pytorch_model.bin"));
        Assert.Contains("pickled", Fails(ErrorKind.FileNotFound, checkpoint).Hint);
        Fails(ErrorKind.FileNotFound, _folder.File("nowhere"));
        Fails(ErrorKind.FileNotFound, _folder.File("out"));
        Fails(ErrorKind.InvalidArgument, Path.Combine(checkpoint, "config.json"));
    }

    [Theory]
    [InlineData("{}", ErrorKind.CorruptFile)]
    [InlineData("nonsense", ErrorKind.CorruptFile)]
    [InlineData("""{"weight_map": {"a": "../../secret.safetensors"}}""", ErrorKind.CorruptFile)]
    [InlineData("""{"weight_map": {"a": "/etc/secret.safetensors"}}""", ErrorKind.CorruptFile)]
    [InlineData("""{"weight_map": {"a": "..\\secret.safetensors"}}""", ErrorKind.CorruptFile)]
    [InlineData("""{"weight_map": {"a": ".."}}""", ErrorKind.CorruptFile)]
    [InlineData("""{"weight_map": {"a": 5}}""", ErrorKind.CorruptFile)]
    [InlineData("""{"weight_map": {"a": "model-00001-of-00002.safetensors"}}""", ErrorKind.CorruptFile)]
    [InlineData("""{"weight_map": {"a": "model-00003-of-00002.safetensors"}}""", ErrorKind.FileNotFound)]
    public void BrokenIndex_IsRefused(string index, ErrorKind kind)
    {
        var checkpoint = Copy("mistral");
        File.WriteAllText(Path.Combine(checkpoint, "model.safetensors.index.json"), index);
        Fails(kind, checkpoint);
    }

    [Fact]
    public void MissingShard_IsNamed()
    {
        var checkpoint = Copy("mistral");
        File.Delete(Path.Combine(checkpoint, "model-00002-of-00002.safetensors"));
        Assert.Contains("model-00002-of-00002.safetensors", Fails(ErrorKind.FileNotFound, checkpoint).Message);
    }

    [Fact]
    public void MissingTokenizer_IsUnsupported()
    {
        var checkpoint = Copy("llama3-rope");
        File.Delete(Path.Combine(checkpoint, "tokenizer.json"));
        Fails(ErrorKind.UnsupportedTokenizer, checkpoint);
    }

    [Fact]
    public void UnknownPreTokenizer_IsShown()
    {
        var checkpoint = Copy("llama3-rope");
        EditJson(checkpoint, "tokenizer.json", tokenizer => tokenizer["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = "unheard of");
        Assert.Contains("unheard of", Fails(ErrorKind.UnsupportedTokenizer, checkpoint).Message);
    }

    [Theory]
    [InlineData("""{"model": {"type": "Unigram"}}""", ErrorKind.UnsupportedTokenizer)]
    [InlineData("""{"model": 5}""", ErrorKind.CorruptFile)]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": -1}}, "pre_tokenizer": {"type": "ByteLevel"}}""", ErrorKind.CorruptFile)]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 100000}}, "pre_tokenizer": {"type": "ByteLevel"}}""", ErrorKind.CorruptFile)]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": "b"}}, "pre_tokenizer": {"type": "ByteLevel"}}""", ErrorKind.CorruptFile)]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 1}, "merges": ["ab"]}, "pre_tokenizer": {"type": "ByteLevel"}}""", ErrorKind.CorruptFile)]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 1}}, "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "ByteLevel"}}""", ErrorKind.UnsupportedTokenizer)]
    public void BrokenTokenizer_IsRefused(string tokenizer, ErrorKind kind)
    {
        var checkpoint = Copy("llama3-rope");
        File.WriteAllText(Path.Combine(checkpoint, "tokenizer.json"), tokenizer);
        Fails(kind, checkpoint);
    }

    [Fact]
    public void TruncatedSentencePieceModel_IsAnErrorOrShorter_NeverACrash()
    {
        var checkpoint = Copy("llama");
        var path = Path.Combine(checkpoint, "tokenizer.model");
        var bytes = File.ReadAllBytes(path);
        var refused = 0;
        for (var length = 1; length < bytes.Length; length += 7)
        {
            File.WriteAllBytes(path, bytes[..length]);
            try
            {
                SentencePieceModel.Read(path);
            }
            catch (ModelOpsException exception)
            {
                Assert.Equal(ErrorKind.CorruptFile, exception.Kind);
                refused++;
            }
        }
        // Only a cut between two fields leaves a valid message.
        Assert.InRange(refused, bytes.Length / 7 / 2, bytes.Length);
        Truncate(path, 1);
        Fails(ErrorKind.CorruptFile, checkpoint);
    }

    [Fact]
    public void BrokenGenerationConfig_IsCorrupt()
    {
        var checkpoint = Copy("llama");
        File.WriteAllText(Path.Combine(checkpoint, "generation_config.json"), "{ \"temperature\": ");
        Assert.Contains("generation_config.json", Fails(ErrorKind.CorruptFile, checkpoint).Message);
    }

    [Theory]
    [InlineData("llama3-rope", "config.json")]
    [InlineData("llama3-rope", "tokenizer.json")]
    [InlineData("llama3-rope", "tokenizer_config.json")]
    [InlineData("gemma3", "config.json")]
    [InlineData("mistral", "model.safetensors.index.json")]
    public void AnyValueReplacedByAnother_IsConvertedOrOneOfOurErrors(string golden, string name)
    {
        var checkpoint = Copy(golden);
        var path = Path.Combine(checkpoint, name);
        var original = File.ReadAllText(path);
        var (converted, refused) = (0, 0);
        for (var node = 0; ; node++)
        {
            foreach (var replacement in new[] { "null", "-1", "1e300", "\"x\"", "[]", "{}", "[[]]" })
            {
                var root = JsonNode.Parse(original)!;
                var nodes = Nodes(root).ToList();
                if (node == nodes.Count)
                {
                    Assert.InRange(converted, 1, int.MaxValue);
                    Assert.InRange(refused, 1, int.MaxValue);
                    return;
                }
                nodes[node].ReplaceWith(JsonNode.Parse(replacement));
                File.WriteAllText(path, root.ToJsonString());
                try
                {
                    ConversionPlan.Create(checkpoint, Output, new ConversionOptions());
                    converted++;
                }
                catch (ModelOpsException)
                {
                    refused++;
                }
            }
        }
    }

    /// <summary>The values of a document; of long lists and maps only the first two, as the others are alike.</summary>
    private static IEnumerable<JsonNode> Nodes(JsonNode node)
    {
        var children = node switch
        {
            JsonArray array => array.Take(2),
            JsonObject map => map.Select(entry => entry.Value).Take(map.Count > 100 ? 2 : int.MaxValue),
            _ => [],
        };
        return children.OfType<JsonNode>().SelectMany(child => Nodes(child).Prepend(child));
    }

    [Fact]
    public void UnknownType_IsRefused()
        => Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(TestPaths.Model("demo-llama"), Output, new ConversionOptions { Type = "Q3_X" })).Kind);

    [Fact]
    public async Task OutputThatCannotBe_IsRefusedBeforeAnything()
    {
        var checkpoint = Copy("llama");
        Assert.Equal(ErrorKind.FileNotFound, (await RunFails(checkpoint, _folder.File("missing/model.gguf"))).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, (await RunFails(checkpoint, _folder.File("out"))).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, (await RunFails(checkpoint, Path.Combine(checkpoint, "model.safetensors"), overwrite: true)).Kind);
        File.WriteAllText(Output, "mine");
        Assert.Equal(ErrorKind.InvalidArgument, (await RunFails(checkpoint, Output)).Kind);
        Assert.Equal("mine", File.ReadAllText(Output));
    }

    [Fact]
    public async Task ExistingOutput_IsReplacedOnlyWhenComplete()
    {
        var checkpoint = Copy("llama");
        File.WriteAllText(Output, "GGUF of mine");
        var plan = ConversionPlan.Create(checkpoint, Output, new ConversionOptions { Overwrite = true });
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ModelConverter.RunAsync(plan, new CancelAtOnce(cancellation), cancellation.Token));
        Assert.Equal("GGUF of mine", File.ReadAllText(Output));
        await ModelConverter.RunAsync(plan);
        Assert.Equal(plan.Bytes, GgufFile.Read(Output).FileBytes);
        Assert.Equal([Output], Directory.GetFiles(_folder.File("out")));
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    public async Task Overwriting_ReplacesNothingButGgufFiles(string file)
    {
        var checkpoint = Copy("llama");
        var path = Path.Combine(checkpoint, file);
        var before = File.ReadAllBytes(path);

        var exception = await RunFails(checkpoint, path, overwrite: true);

        Assert.Equal(ErrorKind.InvalidArgument, exception.Kind);
        Assert.Contains("not a GGUF file", exception.Message);
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Fact]
    public async Task Overwriting_FillsAnEmptyGgufFile()
    {
        File.WriteAllText(Output, "");
        var plan = ConversionPlan.Create(Copy("llama"), Output, new ConversionOptions { Overwrite = true });
        await ModelConverter.RunAsync(plan);
        Assert.Equal(plan.Bytes, new FileInfo(Output).Length);
    }

    // The engine refuses such a file, or answers with NaN: better said before the work than after.
    [Theory]
    [InlineData("rms_norm_eps", -1.0)]
    [InlineData("rms_norm_eps", 1e30)]
    [InlineData("rope_theta", 0.0)]
    [InlineData("rope_theta", -10000.0)]
    [InlineData("rope_theta", 1e300)]
    public void NumberThatCannotBe_IsCorrupt(string key, double value)
    {
        var checkpoint = Copy("llama");
        EditJson(checkpoint, "config.json", config => config[key] = value);
        Assert.Contains(key, Fails(ErrorKind.CorruptFile, checkpoint).Message);
    }

    [Fact]
    public async Task FullDisk_IsSaidBeforehand()
    {
        var plan = ConversionPlan.Create(Copy("llama"), Output, new ConversionOptions());
        var asked = "";
        var exception = await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan, new ConversionDisk { FreeBytes = folder => { asked = folder; return plan.Bytes - 1; } }, null, CancellationToken.None));
        Assert.Equal(ErrorKind.InsufficientDiskSpace, exception.Kind);
        Assert.Equal(_folder.File("out"), asked);
        Assert.Empty(Directory.GetFiles(_folder.File("out")));
        Assert.Equal(plan.Bytes, (await ModelConverter.RunAsync(plan, new ConversionDisk { FreeBytes = _ => plan.Bytes }, null, CancellationToken.None)).Bytes);
    }

    [Fact]
    public void DiskFullWhileWriting_IsTold()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "needs a device that is always full");
        using var full = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write);
        var exception = Assert.ThrowsAny<IOException>(() => RandomAccess.Write(full, new byte[1], 0));
        Assert.Equal(ErrorKind.InsufficientDiskSpace, DiskErrors.Translate(exception, Output).Kind);
    }

    [Fact]
    public async Task SourceThatShrankAfterPlanning_IsCorrupt_AndNothingIsLeft()
    {
        var checkpoint = Copy("llama");
        var plan = ConversionPlan.Create(checkpoint, Output, new ConversionOptions());
        Truncate(Path.Combine(checkpoint, "model.safetensors"), 10_000);
        Assert.Equal(ErrorKind.CorruptFile, (await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan))).Kind);
        File.Delete(Path.Combine(checkpoint, "model.safetensors"));
        Assert.Equal(ErrorKind.FileNotFound, (await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan))).Kind);
        Assert.Empty(Directory.GetFiles(_folder.File("out")));
    }

    [Fact]
    public async Task AbandonedPartialFile_IsRemovedByTheNextRun()
    {
        var plan = ConversionPlan.Create(Copy("llama"), Output, new ConversionOptions());
        File.WriteAllText($"{Output}.0123abcd.partial", "left by a killed run");
        await ModelConverter.RunAsync(plan);
        Assert.Equal([Output], Directory.GetFiles(_folder.File("out")));
    }

    [Fact]
    public async Task ChangedPlan_IsRefused()
    {
        var plan = ConversionPlan.Create(Copy("llama"), Output, new ConversionOptions());
        plan.Metadata.Set("general.author", "somebody");
        Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan))).Kind);
    }

    private string Copy(string golden) => _folder.CopyOf(Path.Combine(TestPaths.Golden(golden), "hf"));

    private ModelOpsException Fails(ErrorKind kind, string checkpoint)
    {
        var exception = Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(checkpoint, Output, new ConversionOptions()));
        Assert.Equal(kind, exception.Kind);
        Assert.False(File.Exists(Output));
        return exception;
    }

    private static async Task<ModelOpsException> RunFails(string checkpoint, string output, bool overwrite = false)
    {
        var plan = ConversionPlan.Create(checkpoint, output, new ConversionOptions { Overwrite = overwrite });
        return await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan));
    }

    private static void EditJson(string checkpoint, string name, Action<JsonObject> edit)
    {
        var path = Path.Combine(checkpoint, name);
        var root = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(root);
        File.WriteAllText(path, root.ToJsonString());
    }

    private static void Truncate(string path, int bytes)
    {
        using var stream = File.Open(path, FileMode.Open);
        stream.SetLength(stream.Length - bytes);
    }

    private sealed class CancelAtOnce(CancellationTokenSource cancellation) : IProgress<ConversionProgress>
    {
        public void Report(ConversionProgress value) => cancellation.Cancel();
    }
}
