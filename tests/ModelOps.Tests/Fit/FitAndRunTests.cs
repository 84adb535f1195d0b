using ModelOps.Engine;
using ModelOps.Fit;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>What a fit calls possible is what the engine is then asked for: both refuse by the same rules.</summary>
public class FitAndRunTests
{
    private static readonly string Llama = GoldenLogits.PathOf("llama", "f32");

    /// <summary>More layers than there are, no heads for keys, no context: figures that llama.cpp refuses or that end its process.</summary>
    public static TheoryData<string, object> Impossible => new()
    {
        { "llama.block_count", 3u },
        { "llama.block_count", 512u },
        { "llama.attention.head_count_kv", 0u },
        { "llama.attention.head_count_kv", 3u },
        { "llama.context_length", 0u },
        { "llama.expert_count", 1025u },
        { "llama.rope.scaling.type", "bogus" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void WhatIsNotRunDoesNotFit(string key, object value)
    {
        using EditedGguf file = new(Llama, metadata => metadata.Set(key, value));
        var run = Assert.Throws<ModelOpsException>(() => LlamaEngine.Check(new EngineOptions { ModelPath = file.Path }));
        var fit = Assert.Throws<ModelOpsException>(() => ModelShapeReader.Read(file.Path, ModelKind.Gguf));
        Assert.Equal((ErrorKind.CorruptFile, ErrorKind.CorruptFile), (run.Kind, fit.Kind));
        Assert.EndsWith(run.Message[run.Message.IndexOf(" cannot be run: ", StringComparison.Ordinal)..], fit.Message, StringComparison.Ordinal);
    }

    /// <summary>Layers that a header calls empty have no tensors (Llama 3.1 Nemotron 51B), nor need those be there that predict further tokens.</summary>
    [Fact]
    public void LayersThatTheEngineDoesNotMissMayBeMissing()
    {
        var layers = GgufFile.Read(Llama).Metadata.GetInteger("llama.block_count");
        uint[] heads = [.. Enumerable.Repeat(4u, (int)layers), 0], widths = [.. Enumerable.Repeat(64u, (int)layers), 0];
        using EditedGguf empty = new(Llama, metadata =>
        {
            metadata.Set("llama.block_count", (uint)layers + 1);
            metadata.Set("llama.attention.head_count", heads);
            metadata.Set("llama.attention.head_count_kv", heads);
            metadata.Set("llama.feed_forward_length", widths);
        });
        Assert.Equal(layers + 1, ModelShapeReader.Read(empty.Path, ModelKind.Gguf).Layers);
        using EditedGguf predicting = new(Llama, metadata =>
        {
            metadata.Set("llama.block_count", (uint)layers + 1);
            metadata.Set("llama.nextn_predict_layers", 1u);
        });
        Assert.Equal(layers + 1, ModelShapeReader.Read(predicting.Path, ModelKind.Gguf).Layers);
    }

    [Theory]
    [InlineData(256, 1, 1 << 20)]
    [InlineData(131072, 1, 1 << 21)]
    [InlineData(10_485_760, 1, 1 << 24)]
    [InlineData(131072, 4, 1 << 23)]
    public void ContextsAreAllowedAndRefusedAlike(int trained, int sequences, int longest)
    {
        using EditedGguf file = new(Llama, metadata => metadata.Set("llama.context_length", (uint)trained));
        var shape = ModelShapeReader.Read(file.Path, ModelKind.Gguf);
        foreach (var (length, allowed) in new[] { (longest, true), (longest + 1, false) })
        {
            var request = new FitRequest { ContextLength = length, Sequences = sequences, UnifiedCache = false };
            var run = Record.Exception(() => ModelLoading.CheckContext(new EngineParameters { ContextLength = length, Sequences = sequences, UnifiedCache = false }, GgufFile.Read(file.Path)));
            var fit = Record.Exception(() => FitEstimator.Estimate(shape, Machines.Cpu(1 << 16), request));
            Assert.Equal((allowed, allowed), (run is null, fit is null));
            Assert.Equal((run as ModelOpsException)?.Message, (fit as ModelOpsException)?.Message);
            Assert.All(new[] { run, fit }.OfType<ModelOpsException>(), error => Assert.Equal(ErrorKind.InvalidArgument, error.Kind));
        }
    }

    /// <summary>What is advised is what can be asked for, whatever a header claims to be trained for.</summary>
    [Fact]
    public void NoContextIsAdvisedThatIsRefused()
    {
        using EditedGguf file = new(Llama, metadata => metadata.Set("llama.context_length", 1u << 27));
        var fit = FitEstimator.Estimate(ModelShapeReader.Read(file.Path, ModelKind.Gguf), Machines.Cpu(1 << 16), new FitRequest());
        var longer = fit.Remedies.Single(remedy => remedy.Kind == RemedyKind.LongerContext);
        ModelLoading.CheckContext(longer.Parameters, GgufFile.Read(file.Path));
        var largest = FitEstimator.Estimate(ModelShapeReader.Read(file.Path, ModelKind.Gguf), Machines.Cpu(1 << 16), new FitRequest { ContextLength = ContextWish.Largest });
        ModelLoading.CheckContext(largest.Parameters, GgufFile.Read(file.Path));
    }

    [Theory]
    [InlineData("bert", ModelPurpose.Embedding)]
    [InlineData("modernbert", ModelPurpose.Embedding)]
    [InlineData("t5-encoder", ModelPurpose.Embedding)]
    [InlineData("t5", ModelPurpose.EncoderDecoder)]
    public void ModelsThatWriteNoTextHaveNoSpeedOfIt(string golden, ModelPurpose purpose)
    {
        var path = Directory.GetFiles(TestPaths.Golden(golden), "official.*.gguf").Order(StringComparer.Ordinal).First();
        var fit = FitEstimator.Estimate(ModelShapeReader.Read(path, ModelKind.Gguf), Machines.Cpu(64, 50e9), new FitRequest());
        Assert.Equal((purpose, true), (fit.Purpose, fit.Fits));
        Assert.Null(fit.TokensPerSecond);
        Assert.Contains(fit.Advice, advice => advice.Contains(purpose == ModelPurpose.Embedding ? "embedding model" : "encoder with a decoder", StringComparison.Ordinal));
    }

    [Fact]
    public void AnArchitectureThatTheHeaderHasNoFiguresOfIsNamed()
    {
        using EditedGguf file = new(Llama, metadata => metadata.Set("general.architecture", "llXma"));
        var error = Assert.Throws<ModelOpsException>(() => ModelShapeReader.Read(file.Path, ModelKind.Gguf));
        Assert.Equal(ErrorKind.CorruptFile, error.Kind);
        Assert.Contains("'llXma'", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    /// <summary>Names are texts in the library that is run, each with the zero that ends it.</summary>
    [Fact]
    public void ArchitecturesAreThoseOfThePinnedEngine()
    {
        var library = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "llama"), "*llama.*", SearchOption.AllDirectories).First(path => Path.GetExtension(path) is ".so" or ".dll" or ".dylib");
        var bytes = File.ReadAllBytes(library);
        Assert.All(EngineArchitectures.Pinned, name => Assert.True(bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(name + '\0')) >= 0, name));
        Assert.True(bytes.AsSpan().IndexOf("llXma\0"u8) < 0);
    }

    [Fact]
    public void AnArchitectureThatTheEngineDoesNotKnowIsSaid()
    {
        using EditedGguf file = new(Llama, metadata =>
        {
            foreach (var (key, value) in metadata.Where(entry => entry.Key.StartsWith("llama.", StringComparison.Ordinal)).ToList())
            {
                metadata.Set("llXma." + key["llama.".Length..], value);
            }
            metadata.Set("general.architecture", "llXma");
        });
        var fit = FitEstimator.Estimate(ModelShapeReader.Read(file.Path, ModelKind.Gguf), Machines.Cpu(64), new FitRequest());
        Assert.Contains(fit.Advice, advice => advice.Contains("'llXma'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnEncoderWithADecoderIsRefusedBeforeNativeCodeSeesIt()
    {
        var path = Directory.GetFiles(TestPaths.Golden("t5"), "official.*.gguf").First();
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = path }));
        Assert.Equal(ErrorKind.UnsupportedArchitecture, error.Kind);
    }
}
