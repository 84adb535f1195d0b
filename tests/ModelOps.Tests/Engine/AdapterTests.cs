using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>LoRA adapters at run time, against what llama.cpp computed with the same ones through another binding.</summary>
public sealed class AdapterTests
{
    private static readonly string Llama = GoldenLogits.PathOf("llama", "f32");
    private static readonly string Adapter = GoldenLogits.PathOf("lora-llama", "f32");

    private static EngineOptions With(params AdapterOptions[] adapters) => new() { ModelPath = Llama, Parameters = new() { ContextLength = 64, GpuLayers = 0 }, Threads = 1, Adapters = adapters };

    [Fact]
    public async Task A_model_with_an_adapter_computes_the_golden_logits()
    {
        GoldenLogits expected = GoldenLogits.Read("lora-llama", "f32");
        using LlamaEngine engine = await LlamaEngine.LoadAsync(With(new AdapterOptions(Adapter)));
        float[] logits = engine.Evaluate(expected.Tokens)[^engine.VocabularySize..].ToArray();
        Assert.All(expected.Top, candidate => Assert.Equal(candidate.Value, logits[candidate.Id], 2e-3 * Math.Max(1, Math.Abs(candidate.Value))));
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.5f)]
    [InlineData(-1f)]
    public async Task Its_strength_is_as_told(float scale)
    {
        int[] tokens = GoldenLogits.Read("lora-llama", "f32").Tokens;
        float[] expected = scale == 0 ? AdaptedLogits.Last(Llama, tokens) : AdaptedLogits.Last(Llama, tokens, (Adapter, scale));
        using LlamaEngine engine = await LlamaEngine.LoadAsync(With(new AdapterOptions(Adapter, scale)));
        float[] logits = engine.Evaluate(tokens)[^engine.VocabularySize..].ToArray();
        Assert.All(expected.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
    }

    [Fact]
    public async Task Adapters_add_up()
    {
        int[] tokens = GoldenLogits.Read("lora-llama", "f32").Tokens;
        float[] expected = AdaptedLogits.Last(Llama, tokens, (Adapter, 0.75f));
        // The same file twice is loaded twice.
        using LlamaEngine engine = await LlamaEngine.LoadAsync(With(new AdapterOptions(Adapter, 0.5f), new AdapterOptions(Adapter, 0.25f)));
        float[] logits = engine.Evaluate(tokens)[^engine.VocabularySize..].ToArray();
        Assert.All(expected.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-2));
    }

    [Fact]
    public async Task What_is_no_adapter_of_this_model_is_refused_before_native_code_sees_it()
    {
        await Refused(ErrorKind.InvalidArgument, new AdapterOptions(Adapter, float.NaN));
        await Refused(ErrorKind.InvalidArgument, new AdapterOptions(Llama));
        await Refused(ErrorKind.FileNotFound, new AdapterOptions("/no/such.gguf"));
        using EditedGguf other = new(Adapter, metadata => metadata.Set("general.architecture", "qwen2"));
        await Refused(ErrorKind.InvalidArgument, new AdapterOptions(other.Path));
        // llama.cpp asserts on a text that is none.
        using EditedGguf kind = new(Adapter, metadata => metadata.Set("adapter.type", 7u));
        await Refused(ErrorKind.InvalidArgument, new AdapterOptions(kind.Path));
        using EditedGguf alpha = new(Adapter, metadata => metadata.Set("adapter.lora.alpha", "8"));
        await Refused(ErrorKind.CorruptFile, new AdapterOptions(alpha.Path));
        using EditedGguf activated = new(Adapter, metadata => metadata.Set("adapter.alora.invocation_tokens", new[] { 1u, 2u }));
        await Refused(ErrorKind.InvalidArgument, new AdapterOptions(activated.Path));
        EngineOptions larger = With(new AdapterOptions(Adapter)) with { ModelPath = GoldenLogits.PathOf("mistral", "f32") };
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(larger));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);

        static async Task Refused(ErrorKind kind, AdapterOptions adapter)
            => Assert.Equal(kind, (await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(With(adapter)))).Kind);
    }
}
