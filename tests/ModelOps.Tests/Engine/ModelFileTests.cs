using Xunit;

namespace ModelOps.Tests.Engine;

public sealed class ModelFileTests
{
    /// <summary>Each of these makes llama.cpp abort the process, divide by zero or read past an array.</summary>
    public static TheoryData<string, object> Poison => new()
    {
        { "llama.block_count", 0u },
        { "llama.block_count", 100_000u },
        { "llama.attention.head_count", 0u },
        { "llama.attention.head_count_kv", 0u },
        { "llama.attention.head_count_kv", 3u },
        { "llama.embedding_length", 0u },
        { "llama.context_length", 0u },
        { "llama.expert_used_count", 2u },
        { "llama.expert_count", 100_000u },
        { "llama.expert_group_count", 2u },
        { "llama.rope.scaling.type", "bogus" },
        { "tokenizer.ggml.tokens", new[] { "a", "b", "a" } },
        { "tokenizer.ggml.tokens", Array.Empty<string>() },
        { "tokenizer.ggml.scores", new[] { 1f, 2f } },
        { "tokenizer.ggml.token_type", new[] { 1, 1, 1 } },
        { "llama.attention.layer_norm_rms_epsilon", -1f },
    };

    [Theory]
    [MemberData(nameof(Poison))]
    public async Task Values_that_would_end_the_process_are_refused_before_native_code_sees_them(string key, object value)
    {
        using EditedGguf file = new(GoldenLogits.PathOf("llama", "f32"), metadata => metadata.Set(key, value));

        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = file.Path }));

        Assert.Equal(ErrorKind.CorruptFile, error.Kind);
        Assert.Contains(file.Path, error.Message, StringComparison.Ordinal);
    }

    /// <summary>More threads than ggml holds end the process; a context of 2³¹ tokens takes tens of GB before it fails.</summary>
    [Theory]
    [InlineData(0, 513)]
    [InlineData(0, int.MaxValue)]
    [InlineData(int.MaxValue, 0)]
    [InlineData((1 << 20) + 1, 0)]
    public async Task Options_that_would_end_the_process_are_refused_before_native_code_sees_them(int contextLength, int threads)
    {
        EngineOptions options = new() { ModelPath = GoldenLogits.PathOf("llama", "f32"), Parameters = new() { ContextLength = contextLength }, Threads = threads };

        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(options));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.NotNull(error.Hint);
    }

    [Theory]
    [InlineData("general.type", "adapter")]
    [InlineData("general.type", "imatrix")]
    [InlineData("general.architecture", "clip")]
    public async Task Files_that_are_no_language_model_are_refused(string key, string value)
    {
        using EditedGguf file = new(GoldenLogits.PathOf("llama", "f32"), metadata => metadata.Set(key, value));
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = file.Path }));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
    }

    [Fact]
    public async Task An_embedding_model_is_refused_instead_of_giving_meaningless_logits()
    {
        using EditedGguf file = new(GoldenLogits.PathOf("llama", "f32"), metadata => metadata.Set("llama.attention.causal", false));
        using LlamaEngine engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = file.Path, Parameters = new() { ContextLength = 64 }, Threads = 1 });
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => { engine.Evaluate([1, 2]); }).Kind);
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => engine.GenerateAsync(new GenerationRequest { Prompt = "a", Raw = true }));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
    }

    [Fact]
    public async Task A_later_shard_is_refused()
    {
        using EditedGguf file = new(GoldenLogits.PathOf("llama", "f32"), metadata =>
        {
            metadata.Set("split.no", (ushort)2);
            metadata.Set("split.count", (ushort)3);
        });
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = file.Path }));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("shard 3 of 3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_architecture_that_the_engine_does_not_know_is_named()
    {
        using EditedGguf file = new(GoldenLogits.PathOf("llama", "f32"), metadata =>
        {
            metadata.Set("general.architecture", "llama99");
            metadata.Set("llama99.block_count", 2u);
            metadata.Set("llama99.embedding_length", 64u);
            metadata.Set("llama99.context_length", 64u);
        });
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = file.Path }));
        Assert.Equal(ErrorKind.UnsupportedArchitecture, error.Kind);
        Assert.Contains("llama99", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_engine_refuses_comes_with_its_own_reason()
    {
        using EditedGguf file = new(GoldenLogits.PathOf("llama", "f32"), metadata => metadata.Set("llama.feed_forward_length", 128u));
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = file.Path }));
        Assert.Equal(ErrorKind.EngineFailure, error.Kind);
        Assert.Contains("ffn_", error.Message, StringComparison.Ordinal);
        Assert.Contains("wrong shape", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(1000)]
    [InlineData(100_000)]
    public async Task A_truncated_file_is_corrupt(int bytes)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, File.ReadAllBytes(GoldenLogits.PathOf("llama", "f32"))[..bytes]);
            ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = path }));
            Assert.Equal(ErrorKind.CorruptFile, error.Kind);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_missing_file_and_a_foreign_file_are_told_apart()
    {
        ModelOpsException missing = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = Path.Combine(TestPaths.Assets, "no-such.gguf") }));
        Assert.Equal(ErrorKind.FileNotFound, missing.Kind);
        ModelOpsException foreign = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = TestPaths.EvalText }));
        Assert.Equal(ErrorKind.CorruptFile, foreign.Kind);
    }

    [Fact]
    public async Task Loading_can_be_cancelled_from_its_own_progress_and_an_error_there_comes_out()
    {
        using CancellationTokenSource cancellation = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = GoldenLogits.PathOf("llama", "f32") },
            new Immediate<float>(_ => cancellation.Cancel()), cancellation.Token));
        await Assert.ThrowsAsync<FormatException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = GoldenLogits.PathOf("llama", "f32") },
            new Immediate<float>(_ => throw new FormatException())));
        List<float> seen = [];
        (await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = GoldenLogits.PathOf("llama", "f32") }, new Immediate<float>(seen.Add))).Dispose();
        Assert.Equal(1, seen[^1]);
        Assert.Equal(seen.Order(), seen);
    }
}

/// <summary>Progress on the caller's thread.</summary>
internal sealed class Immediate<T>(Action<T> report) : IProgress<T>
{
    public void Report(T value) => report(value);
}
