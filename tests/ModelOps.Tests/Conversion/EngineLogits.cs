using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>What the pinned engine computes from a converted file, against what should come out.</summary>
internal static class EngineLogits
{
    /// <summary>The logits after the last token agree with the golden ones.</summary>
    public static async Task RequireAsync(string path, GoldenLogits expected)
    {
        var last = await LastAsync(path, expected.Tokens);
        Assert.All(expected.Top, entry => Assert.Equal(entry.Value, last[entry.Id], 2e-3 * Math.Abs(expected.Top[0].Value)));
    }

    /// <summary>All logits after the last token agree with those of a reference forward; the engine keeps keys and values in F16.</summary>
    public static async Task RequireAsync(string path, int[] tokens, double[] expected)
    {
        var last = await LastAsync(path, tokens);
        Assert.Equal(expected.Length, last.Length);
        var largest = expected.Max(Math.Abs);
        for (var i = 0; i < last.Length; i++)
            Assert.True(Math.Abs(expected[i] - last[i]) <= 3e-3 * largest, $"logit {i}: {expected[i]} is expected, {last[i]} computed (largest {largest})");
    }

    /// <summary>The logits after the last token.</summary>
    public static async Task<float[]> LastAsync(string path, int[] tokens)
    {
        using var engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = path, Parameters = new() { ContextLength = 64 }, Threads = 1 });
        return engine.Evaluate(tokens)[^engine.VocabularySize..].ToArray();
    }
}
