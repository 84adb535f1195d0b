using Xunit;

namespace ModelOps.Tests.Engine;

public sealed class GoldenLogitsTests
{
    [Theory]
    [InlineData("llama", "f32")]
    [InlineData("llama", "bf16")]
    [InlineData("llama3-rope", "f32")]
    [InlineData("llama3-rope", "bf16")]
    [InlineData("mistral", "f32")]
    [InlineData("gemma3", "f32")]
    [InlineData("gemma3", "bf16")]
    public async Task Logits_are_those_the_engine_gave_through_another_binding(string golden, string type)
    {
        GoldenLogits expected = GoldenLogits.Read(golden, type);
        using LlamaEngine engine = await Load(golden, type, contextLength: 64);

        float[] last = LastRow(engine.Evaluate(expected.Tokens), engine.VocabularySize);

        Assert.Equal(expected.Norm, Math.Sqrt(last.Sum(value => (double)value * value)), expected.Norm * 2e-3);
        double tolerance = 2e-3 * Math.Abs(expected.Top[0].Value);
        Assert.Equal(expected.Top[0].Id, Array.IndexOf(last, last.Max()));
        Assert.All(expected.Top, entry => Assert.Equal(entry.Value, last[entry.Id], tolerance));
    }

    [Fact]
    public async Task Every_position_has_its_own_row()
    {
        GoldenLogits expected = GoldenLogits.Read("llama", "f32");
        using LlamaEngine engine = await Load("llama", "f32", contextLength: 64);
        float[] whole = engine.Evaluate(expected.Tokens).ToArray();
        Assert.Equal(expected.Tokens.Length * engine.VocabularySize, whole.Length);

        for (int length = 1; length < expected.Tokens.Length; length++)
        {
            float[] last = LastRow(engine.Evaluate(expected.Tokens.AsSpan(0, length)), engine.VocabularySize);
            float[] row = whole[((length - 1) * engine.VocabularySize)..(length * engine.VocabularySize)];
            Assert.All(last.Zip(row), pair => Assert.Equal(pair.First, pair.Second, 2e-2));
        }
    }

    [Fact]
    public async Task A_text_longer_than_a_batch_is_evaluated_in_several()
    {
        using LlamaEngine engine = await Load("llama", "f32", contextLength: 4096);
        int[] tokens = [.. Enumerable.Range(0, 2100).Select(index => 3 + (index * 7 % 250))];
        float[] whole = engine.Evaluate(tokens).ToArray();
        Assert.Equal(tokens.Length * engine.VocabularySize, whole.Length);

        float[] first = engine.Evaluate(tokens.AsSpan(0, 2000)).ToArray();
        Assert.All(first.Zip(whole).TakeLast(engine.VocabularySize), pair => Assert.Equal(pair.First, pair.Second, 2e-2));
        // The last rows come from the second batch: they are of their own positions, not of the first batch's.
        Assert.False(whole.AsSpan(^engine.VocabularySize..).SequenceEqual(whole.AsSpan(((2100 - 2048 - 1) * engine.VocabularySize), engine.VocabularySize)));
        Assert.Contains(whole.AsSpan(^engine.VocabularySize..).ToArray(), value => value != 0);
    }

    [Fact]
    public async Task Tokens_that_do_not_exist_and_texts_that_do_not_fit_are_refused()
    {
        using LlamaEngine engine = await Load("llama", "f32", contextLength: 256);
        Assert.Equal(256, engine.ContextLength);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => { engine.Evaluate([1, engine.VocabularySize]); }).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => { engine.Evaluate([-1]); }).Kind);
        Assert.Equal(ErrorKind.ContextFull, Assert.Throws<ModelOpsException>(() => { engine.Evaluate(new int[257]); }).Kind);
        Assert.Equal(256 * engine.VocabularySize, engine.Evaluate(new int[256]).Length);
    }

    // One thread: many tests run at once, and ggml's threads wait for each other by spinning.
    internal static Task<LlamaEngine> Load(string golden, string type, int contextLength, int sequences = 1)
        => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = GoldenLogits.PathOf(golden, type), Parameters = new() { ContextLength = contextLength, Sequences = sequences }, Threads = 1 });

    private static float[] LastRow(ReadOnlySpan<float> logits, int vocabulary) => logits[^vocabulary..].ToArray();
}
