using ModelOps.Cli.Json;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>The writer: the same bytes whatever the threads and the memory, and the same model in several files.</summary>
public sealed class ConversionWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("BF16")]
    [InlineData("F32")]
    [InlineData("Q4_0")]
    public async Task ThreadsAndMemory_ChangeNoByte(string type)
    {
        var checkpoint = _folder.File("noise");
        NoiseCheckpoint.Write(checkpoint, width: 1024, layers: 2, shards: 3);
        byte[]? first = null;
        foreach (var (threads, memory) in new[] { (1, 64L << 20), (2, 512L << 20), (7, 64L << 20), (16, 4L << 30) })
        {
            var reports = new List<ConversionProgress>();
            var options = new ConversionOptions { Type = type, Threads = threads, MemoryBytes = memory, Provenance = true, Overwrite = true };
            var plan = ConversionPlan.Create(checkpoint, _folder.File("model.gguf"), options);
            var result = await ModelConverter.RunAsync(plan, new Collecting(reports));
            var bytes = await File.ReadAllBytesAsync(plan.Output);
            Assert.Equal(first ??= bytes, bytes);
            Assert.Equal(plan.Bytes, reports[^1].BytesWritten);
            Assert.Equal(reports.Select(report => report.BytesWritten).Order(), reports.Select(report => report.BytesWritten));
            Assert.True(type == "Q4_0" || result.ExactFraction == 1);
        }
    }

    [Fact]
    public void MemoryThatCannotDo_IsRefusedWithWhatWould()
    {
        var llama = Path.Combine(TestPaths.Golden("llama"), "hf");
        var exception = Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(llama, _folder.File("model.gguf"), new ConversionOptions { MemoryBytes = 1 << 20 }));
        Assert.Equal(ErrorKind.InvalidArgument, exception.Kind);
        Assert.Contains($"{ConversionOptions.LeastMemoryBytes:N0}", exception.Message);
    }

    [Fact]
    public async Task RowsThatTakeMoreThanTheLimit_AreNamed()
    {
        // A norm of 16 million weights is one row to ggml.
        var plan = ConversionPlan.Create(Path.Combine(TestPaths.Golden("llama"), "hf"), _folder.File("model.gguf"), new ConversionOptions { MemoryBytes = ConversionOptions.LeastMemoryBytes });
        var wide = new ModelOps.Conversion.ComputedTensor(new float[16 << 20]);
        var changed = plan with
        {
            Tensors = [plan.Tensors[0] with { Type = GgmlType.F16, Shape = wide.Shape, Name = "wide", Bytes = 32 << 20 }],
            TensorSources = [wide],
        };
        changed = changed with { Files = [changed.Files[0] with { Bytes = changed.Layouts()[0].FileBytes }] };
        var exception = await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(changed));
        Assert.Equal(ErrorKind.InvalidArgument, exception.Kind);
        Assert.Contains("'wide'", exception.Message);
        Assert.Contains("--memory", exception.Hint);
    }

    [Fact]
    public async Task SplitModel_IsWhatTheEngineLoads_WithTheSameLogits()
    {
        var golden = Path.Combine(TestPaths.Golden("llama"), "hf");
        var plan = ConversionPlan.Create(golden, _folder.File("tiny.gguf"), new ConversionOptions { Type = "F32", SplitMaxBytes = 120_000 });
        var result = await ModelConverter.RunAsync(plan);

        var names = plan.Files.Select(file => Path.GetFileName(file.Path)).ToList();
        Assert.InRange(names.Count, 3, 9);
        Assert.Equal(Enumerable.Range(1, names.Count).Select(i => $"tiny-{i:00000}-of-{names.Count:00000}.gguf"), names);
        Assert.Equal(names.Order(StringComparer.Ordinal), Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(plan.Output, result.Files[0]);
        var official = GgufFile.Read(GoldenLogits.PathOf("llama", "f32"));
        var files = plan.Files.Select(file => GgufFile.Read(file.Path)).ToList();
        Assert.Equal(official.Tensors.Select(tensor => tensor.Name), files.SelectMany(file => file.Tensors).Select(tensor => tensor.Name));
        for (var i = 0; i < files.Count; i++)
        {
            Assert.Equal(((ushort)i, (ushort)files.Count, official.Tensors.Count), (files[i].Metadata["split.no"], files[i].Metadata["split.count"], files[i].Metadata["split.tensors.count"]));
            Assert.Equal(i == 0 ? official.Metadata.Count + 3 : 3, files[i].Metadata.Count);
            // As much as the limit allows: one tensor more would be too much.
            Assert.True(files[i].Tensors.Sum(tensor => tensor.Bytes) <= 120_000 || files[i].Tensors.Count == 1);
            if (i + 1 < files.Count)
                Assert.True(files[i].Tensors.Sum(tensor => tensor.Bytes) + files[i + 1].Tensors[0].Bytes > 120_000);
        }

        var expected = GoldenLogits.Read("llama", "f32");
        using var engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = plan.Output, Parameters = new() { ContextLength = 64 }, Threads = 1 });
        var last = engine.Evaluate(expected.Tokens)[^engine.VocabularySize..].ToArray();
        Assert.All(expected.Top, entry => Assert.Equal(entry.Value, last[entry.Id], 2e-3 * Math.Abs(expected.Top[0].Value)));
    }

    [Fact]
    public void Plan_ComesBackFromItsJson()
    {
        var plan = ConversionPlan.Create(Path.Combine(TestPaths.Golden("llama"), "hf"), _folder.File("tiny.gguf"), new ConversionOptions { Type = "Q8_0", SplitMaxBytes = 60_000, Provenance = true });
        var back = System.Text.Json.JsonSerializer.Deserialize(CliJson.Write(plan, CliJson.Default.ConversionPlan), CliJson.Default.ConversionPlan)!;

        Assert.Equal((plan.Source, plan.Output, plan.Architecture, plan.Type, plan.Bytes), (back.Source, back.Output, back.Architecture, back.Type, back.Bytes));
        Assert.Equal(plan.Files, back.Files);
        Assert.InRange(back.Files.Count, 2, 99);
        Assert.Equal(plan.Inputs.Select(input => (input.Name, input.Bytes, input.Sha256)), back.Inputs.Select(input => (input.Name, input.Bytes, input.Sha256)));
        Assert.Equal(
            plan.Tensors.Select(tensor => $"{tensor.Name} {tensor.Type} {string.Join(',', tensor.Shape)} {tensor.Bytes} {tensor.Offset} {tensor.File} {string.Join(',', tensor.Sources)}"),
            back.Tensors.Select(tensor => $"{tensor.Name} {tensor.Type} {string.Join(',', tensor.Shape)} {tensor.Bytes} {tensor.Offset} {tensor.File} {string.Join(',', tensor.Sources)}"));
        Assert.Equal(plan.Metadata.Keys, back.Metadata.Keys);
        Assert.Equal(plan.Metadata.FindInteger("llama.block_count"), back.Metadata.FindInteger("llama.block_count"));
        Assert.Equal(plan.Options with { Adapters = back.Options.Adapters, Overrides = back.Options.Overrides }, back.Options);
        Assert.Equivalent(plan.Options.Overrides, back.Options.Overrides, strict: true);
        // It says what would be done; only a plan that was made here can be run.
        Assert.Null(back.TensorSources);
    }

    [Fact]
    public async Task SplitThatIsNotNeeded_IsOneFile()
    {
        var golden = Path.Combine(TestPaths.Golden("llama"), "hf");
        var plan = ConversionPlan.Create(golden, _folder.File("model.gguf"), new ConversionOptions { Type = "F32", SplitMaxBytes = 1 << 30 });
        await ModelConverter.RunAsync(plan);
        Assert.Equal([_folder.File("model.gguf")], Directory.GetFiles(_folder.Path));
        Assert.False(GgufFile.Read(plan.Output).Metadata.ContainsKey("split.count"));
    }

    [Fact]
    public async Task FileThatCannotTakeItsPlace_LeavesAllAsItWas()
    {
        var golden = Path.Combine(TestPaths.Golden("llama"), "hf");
        var plan = ConversionPlan.Create(golden, _folder.File("model.gguf"), new ConversionOptions { Type = "F32", SplitMaxBytes = 120_000, Overwrite = true });
        File.WriteAllText(plan.Files[0].Path, "GGUF of mine");
        // It appears after the check, when the last chunk is written.
        var inTheWay = new Placing(plan, () => Directory.CreateDirectory(Path.Combine(plan.Files[1].Path, "full")));
        await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan, inTheWay));
        Assert.Equal("GGUF of mine", File.ReadAllText(plan.Files[0].Path));
        Assert.DoesNotContain(plan.Files.Skip(2), file => File.Exists(file.Path));

        Directory.Delete(plan.Files[1].Path, recursive: true);
        await ModelConverter.RunAsync(plan);
        Assert.Equal(plan.Files.Select(file => file.Path).Order(StringComparer.Ordinal), Directory.GetFiles(_folder.Path).Order(StringComparer.Ordinal));
        Assert.All(plan.Files, file => Assert.Equal(file.Bytes, GgufFile.Read(file.Path).FileBytes));
    }

    private sealed class Collecting(List<ConversionProgress> reports) : IProgress<ConversionProgress>
    {
        public void Report(ConversionProgress value) => reports.Add(value);
    }

    private sealed class Placing(ConversionPlan plan, Action place) : IProgress<ConversionProgress>
    {
        public void Report(ConversionProgress value)
        {
            if (value.BytesWritten == plan.Bytes)
                place();
        }
    }
}
