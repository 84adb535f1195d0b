using ModelOps.Engine;
using ModelOps.Tests.Fit;
using Xunit;

namespace ModelOps.Tests.Runner;

/// <summary>The engine's own answer, from a worker process.</summary>
public sealed class ExactFitterTests : IAsyncLifetime
{
    // The engine prints hundredths of a MiB.
    private const long LogRounding = 5243;

    private readonly WorkerRunner _runner = new(["dotnet", Path.Combine(AppContext.BaseDirectory, "modelops.dll"), "worker", "--pipe", "{pipe}"]);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _runner.DisposeAsync();

    [Theory]
    [InlineData("Gemma-4-E2B", 8192)]
    [InlineData("Qwen3.6-35B-A3B", 32768)]
    public async Task TheEngineAnswersPartByPart(string model, int context)
    {
        var header = HeaderOf(SyntheticModels.Header(model));
        var fit = FitEstimator.Estimate(header.ToShape(model), Machines.Cpu(512), new FitRequest { ContextLength = context });

        var exact = (await ExactFitter.AskAsync(_runner, header, fit)).Exact!;

        Assert.Null(exact.Failure);
        Assert.Equal($"llama.cpp {LlamaLibrary.PinnedVersion} (CPU)", exact.Engine);
        Assert.All(exact.Parts, part => Assert.Equal("CPU", part.Device));
        long Formula(EnginePart kind) => exact.Parts.Single(part => part.Part == kind).FormulaBytes;
        long Engine(EnginePart kind) => exact.Parts.Single(part => part.Part == kind).EngineBytes;
        Assert.Equal(fit.Devices[0].KvCacheBytes, Formula(EnginePart.KvCache));
        Assert.InRange(Engine(EnginePart.KvCache), fit.Devices[0].KvCacheBytes - 2 * LogRounding, fit.Devices[0].KvCacheBytes + 2 * LogRounding);
        Assert.Equal(fit.Devices[0].WeightsBytes, Engine(EnginePart.Weights));
        Assert.InRange(Engine(EnginePart.Compute), 0.97 * Formula(EnginePart.Compute), 1.03 * Formula(EnginePart.Compute));
        Assert.Equal(exact.Parts.Sum(part => part.EngineBytes), exact.EngineBytes);
        // What the log rounds away is no difference.
        Assert.InRange(exact.DifferenceBytes - (exact.FormulaBytes - exact.EngineBytes), -exact.Parts.Count * 2 * LogRounding, exact.Parts.Count * 2 * LogRounding);
        Assert.All(exact.Parts.Where(part => part.Part is EnginePart.KvCache or EnginePart.State), part => Assert.Equal(0, part.DifferenceBytes));
    }

    /// <summary>What is planned for a checkpoint is what the engine says of the converted file, weights and all.</summary>
    [Theory]
    [InlineData("llama")]
    [InlineData("qwen3.5")]
    [InlineData("gemma4-e2b")]
    [InlineData("bert")]
    public async Task ACheckpointIsAskedAboutAsItWouldBeConverted(string golden)
    {
        var planned = ModelHeaderReader.Read(Path.Combine(TestPaths.Golden(golden), "hf"), ModelKind.Checkpoint, "BF16");
        var written = ModelHeaderReader.Read(Path.Combine(TestPaths.Golden(golden), "official.bf16.gguf"), ModelKind.Gguf);
        var fit = FitEstimator.Estimate(planned.ToShape("checkpoint"), Machines.Cpu(64), new FitRequest { ContextLength = 1024 });

        var ofPlanned = (await ExactFitter.AskAsync(_runner, planned, fit)).Exact!;
        var ofWritten = (await ExactFitter.AskAsync(_runner, written, fit)).Exact!;

        Assert.Null(ofPlanned.Failure);
        Assert.Equal(ofWritten.Parts, ofPlanned.Parts);
        Assert.True(ofPlanned.EngineBytes > 0);
    }

    [Fact]
    public async Task AnAbortEndsTheWorkerOnlyAndTheFitStands()
    {
        // A head of 192 of which all are rotated leaves none to be compressed: llama-model asserts there (deepseek2.cpp).
        var poison = HeaderOf(DeepSeekShapes.V2Lite().Set("rope.dimension_count", 192).Layout());
        var fit = FitEstimator.Estimate(poison.ToShape("poison"), Machines.Cpu(64), new FitRequest());

        var answered = await ExactFitter.AskAsync(_runner, poison, fit);

        Assert.Equal(fit.Devices, answered.Devices);
        Assert.Equal(nameof(ErrorKind.EngineCrashed), answered.Exact!.Failure!.Id);
        Assert.Contains("GGML_ASSERT", answered.Exact.Failure.Message, StringComparison.Ordinal);
        Assert.Empty(answered.Exact.Parts);
        Assert.Null((await ExactFitter.AskAsync(_runner, HeaderOf(SyntheticModels.Header("Llama-3-8B")), fit)).Exact!.Failure);
    }

    [Fact]
    public async Task AModelThatTheEngineDoesNotKnowIsNamed()
    {
        var header = new ModelHeader(new GgufMetadata(), [.. HeaderOf(SyntheticModels.Header("Qwen3-0.6B")).Tensors]);
        foreach (var (key, value) in (ReadOnlySpan<(string, object)>)[("general.architecture", "of-tomorrow"), ("of-tomorrow.block_count", 28u), ("of-tomorrow.embedding_length", 1024u), ("of-tomorrow.context_length", 4096u)])
        {
            header.Metadata.Set(key, value);
        }
        var fit = FitEstimator.Estimate(header.ToShape("new-model"), Machines.Cpu(64), new FitRequest());

        var failure = (await ExactFitter.AskAsync(_runner, header, fit)).Exact!.Failure!;

        Assert.Equal(nameof(ErrorKind.EngineFailure), failure.Id);
        Assert.Contains("of-tomorrow", failure.Message, StringComparison.Ordinal);
        Assert.Contains("new-model", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("stub.gguf", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("expert_used_count", 200)]
    [InlineData("expert_count", 100_000)]
    [InlineData("context_length", 0)]
    public async Task ABadHeaderIsRefusedWithoutStartingAWorker(string key, int value)
    {
        var good = HeaderOf(SyntheticModels.Header("Qwen3-30B-A3B"));
        var fit = FitEstimator.Estimate(good.ToShape("bad"), Machines.Cpu(64), new FitRequest());
        good.Metadata.Set($"qwen3moe.{key}", (uint)value);

        var failure = (await ExactFitter.AskAsync(_runner, good, fit)).Exact!.Failure!;

        Assert.Equal(nameof(ErrorKind.CorruptFile), failure.Id);
        Assert.Null(_runner.WorkerId);
    }

    [Fact]
    public void AStubHasTheFullLengthAndNoWeights()
    {
        var layout = SyntheticModels.Header("DeepSeek-V3");
        string path;
        using (var stub = HeaderStub.Create(HeaderOf(layout)))
        {
            path = stub.Path;
            var read = GgufFile.Read(path);
            Assert.Equal(layout.Tensors.Select(tensor => (tensor.Name, tensor.Bytes)), read.Tensors.Select(tensor => (tensor.Name, tensor.Bytes)));
            Assert.InRange(new FileInfo(path).Length, 350L << 30, 400L << 30);
            Assert.Equal(129280, read.Metadata.GetInteger("deepseek2.vocab_size"));
        }
        Assert.False(Directory.Exists(Path.GetDirectoryName(path)));
    }

    [Fact]
    public void NothingOfTheVocabularyReachesTheStub()
    {
        var file = GgufFile.Read(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"));
        using var stub = HeaderStub.Create(ModelHeader.Of(file));
        Assert.True(file.Metadata.ContainsKey("tokenizer.ggml.tokens"));
        Assert.All(GgufFile.Read(stub.Path).Metadata, entry => Assert.True(entry.Key.StartsWith("llama.", StringComparison.Ordinal) || entry is { Key: "general.architecture" } or { Key: "tokenizer.ggml.model", Value: "none" }, entry.Key));
    }

    [Fact]
    public async Task CancellingDeletesTheStub()
    {
        var header = HeaderOf(SyntheticModels.Header("Llama-3-8B"));
        var fit = FitEstimator.Estimate(header.ToShape("llama"), Machines.Cpu(64), new FitRequest());
        var runner = new Interrupted();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ExactFitter.AskAsync(runner, header, fit));

        Assert.NotNull(runner.Stub);
        Assert.False(File.Exists(runner.Stub));
    }

    private static ModelHeader HeaderOf(ModelOps.Formats.GgufLayout layout) => ModelHeader.Of(GgufFile.Read(new MemoryStream(layout.Header.ToArray()), layout.FileBytes));

    /// <summary>A runner that is interrupted while it has the stub.</summary>
    private sealed class Interrupted : IModelRunner
    {
        public string? Stub { get; private set; }

        public Task<EngineMemory> ProbeMemoryAsync(EngineOptions options, CancellationToken cancellationToken = default)
        {
            Assert.True(File.Exists(options.ModelPath));
            Stub = options.ModelPath;
            throw new OperationCanceledException();
        }

        public Task LoadAsync(EngineOptions options, IProgress<float>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<EnginePlan> LoadAsync(EngineOptions options, FitRequest wish, IProgress<float>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<IReadOnlyList<Device>> ReadDevicesAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<RuntimeProbe> ProbeRuntimeAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<SpeedResult> MeasureSpeedAsync(SpeedRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<SpeedCalibration> CalibrateAsync(CalibrationRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<EmbeddingResult> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task<RerankResult> RerankAsync(RerankRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task<QualityResult> MeasureAsync(MeasureRequest request, IProgress<MeasureProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<SensitivityTable> MeasureSensitivityAsync(SensitivityRequest request, IProgress<SensitivityProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
