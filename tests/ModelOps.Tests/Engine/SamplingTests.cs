using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>Each sampler shows in what is written; that they are llama.cpp's own is what makes them right.</summary>
public sealed class SamplingTests : IAsyncLifetime
{
    private static readonly GenerationRequest Wild = new() { Prompt = "hello", Raw = true, Temperature = 5, TopK = 0, TopP = 1, MaxTokens = 40, Seed = 7 };
    private static readonly GenerationRequest Greedy = Wild with { Temperature = 0 };

    private LlamaEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await GoldenLogitsTests.Load("llama", "f32", contextLength: 256);

    public ValueTask DisposeAsync()
    {
        _engine.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<IReadOnlyList<int>> Write(GenerationRequest request) => (await _engine.GenerateAsync(request)).Tokens;

    public static TheoryData<string, GenerationRequest> FiltersThatLeaveOneToken => new()
    {
        { "min-p", Wild with { MinP = 1 } },
        { "top-p", Wild with { TopP = 1e-6f } },
        { "top-nσ", Wild with { TopNSigma = 1e-6f } },
    };

    [Theory]
    [MemberData(nameof(FiltersThatLeaveOneToken))]
    public async Task FiltersAtTheirExtremeAreGreedy(string filter, GenerationRequest request)
    {
        Assert.True(filter.Length > 0 && (await Write(Greedy)).SequenceEqual(await Write(request)), filter);
        Assert.NotEqual(await Write(Greedy), await Write(Wild));
    }

    public static TheoryData<string, GenerationRequest> Samplers => new()
    {
        { "typical", Wild with { TypicalP = 0.2f } },
        { "XTC", Wild with { Temperature = 1, XtcProbability = 1, XtcThreshold = 1e-4f } },
        { "mirostat 1", Wild with { Mirostat = 1, MirostatTau = 0.5f } },
        { "mirostat 2", Wild with { Mirostat = 2, MirostatTau = 0.5f } },
        { "frequency", Wild with { Temperature = 0.5f, FrequencyPenalty = 100 } },
        { "presence", Wild with { Temperature = 0.5f, PresencePenalty = 100 } },
    };

    [Theory]
    [MemberData(nameof(Samplers))]
    public async Task SamplersChangeWhatIsWrittenAndKeepToTheSeed(string sampler, GenerationRequest request)
    {
        var off = new GenerationRequest { Prompt = request.Prompt, Raw = true, Temperature = request.Temperature, TopK = 0, TopP = 1, MaxTokens = request.MaxTokens, Seed = request.Seed };
        var written = await Write(request);
        Assert.False(written.SequenceEqual(await Write(off)), sampler);
        Assert.Equal(written, await Write(request));
    }

    [Fact]
    public async Task PenaltiesEndRepetition()
    {
        // A presence penalty beyond all logits: no token comes twice while the context is looked back on.
        var written = await Write(Greedy with { PresencePenalty = 100, RepeatLastN = -1 });
        Assert.Equal(written.Count, written.Distinct().Count());
        Assert.NotEqual((await Write(Greedy)).Distinct().Count(), (await Write(Greedy)).Count);
        Assert.NotEqual(await Write(Greedy), await Write(Greedy with { DryMultiplier = 50, DryAllowedLength = 1, RepeatLastN = -1 }));
        Assert.NotEqual(await Write(Greedy), await Write(Greedy with { RepeatPenalty = 5 }));
    }

    [Fact]
    public async Task ABiasForcesOrForbids()
    {
        int token = (await Write(Greedy))[0];
        Assert.DoesNotContain(token, await Write(Greedy with { LogitBias = new Dictionary<int, float> { [token] = float.NegativeInfinity } }));
        Assert.All(await Write(Wild with { LogitBias = new Dictionary<int, float> { [token] = 1e6f } }), written => Assert.Equal(token, written));
    }

    public static TheoryData<GenerationRequest> Nonsense =>
    [
        Wild with { MinP = 1.5f }, Wild with { MinP = float.NaN }, Wild with { TypicalP = 0 }, Wild with { Mirostat = 3 }, Wild with { RepeatPenalty = 0 }, Wild with { RepeatLastN = -2 },
        Wild with { DryBase = 0 }, Wild with { XtcProbability = -0.1f }, Wild with { PresencePenalty = float.PositiveInfinity },
        Wild with { LogitBias = new Dictionary<int, float> { [-1] = 1 } }, Wild with { LogitBias = new Dictionary<int, float> { [1 << 30] = 1 } }, Wild with { LogitBias = new Dictionary<int, float> { [1] = float.NaN } },
    ];

    [Theory]
    [MemberData(nameof(Nonsense))]
    public async Task NonsenseIsRefused(GenerationRequest request)
        => Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => Write(request))).Kind);
}
