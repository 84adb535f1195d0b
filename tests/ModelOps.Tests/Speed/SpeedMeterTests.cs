using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Speed;

public class SpeedMeterTests(DemoModels models)
{
    [Fact]
    public async Task CountsAndTimesWhatTheEngineItselfCounts()
    {
        const int Prompt = 100, Generated = 24, Depth = 10, Repetitions = 3;
        SpeedRequest request = new()
        {
            ModelPath = await models.Gguf("demo-llama", "Q8_0"),
            PromptTokens = Prompt,
            GeneratedTokens = Generated,
            Depth = Depth,
            Repetitions = Repetitions,
            Parameters = new() { GpuLayers = 0 },
            Threads = 1,
        };
        using LlamaEngine engine = await LlamaEngine.LoadAsync(SpeedMeter.Options(request) with { CountsTime = true });
        var (result, counters) = engine.Use(session =>
        {
            session.ResetCounters();
            return (SpeedMeter.Measure(session, request, GgufFile.Read(request.ModelPath), null, CancellationToken.None), session.Counters);
        });

        // Each is run once more to warm up; what is in the context before counts as prompt for the engine, single tokens do not.
        Assert.Equal((Repetitions + 1) * (Prompt + (2 * Depth)), counters.PromptTokens);
        Assert.Equal((Repetitions + 1) * Generated, counters.GeneratedTokens);
        // The engine's clock runs inside ours. The warm-ups are only in its sum.
        double ours = result.TokensPerSecond!.Samples.Sum(rate => Generated / rate);
        double least = Generated / result.TokensPerSecond.High;
        double theirs = counters.GenerationMilliseconds / 1000;
        Assert.True(ours > theirs * Repetitions / (Repetitions + 1) * 0.5, $"{ours} s here, {theirs} s there");
        Assert.True(theirs > least * 0.5, $"{theirs} s there for {Repetitions + 1} times, {least} s here for one");
        Assert.Equal(Repetitions, result.PromptTokensPerSecond!.Samples.Count);
        Assert.Equal(1, result.Threads);
        Assert.Equal("llama", result.Architecture);
        Assert.Equal(result.Bytes, GgufFile.Read(request.ModelPath).Tensors.Sum(tensor => tensor.Bytes));
    }

    [Fact]
    public async Task WhatIsLeftOutIsNotMeasured()
    {
        List<SpeedProgress> heard = [];
        SpeedResult result = await SpeedMeter.MeasureAsync(await Request() with { PromptTokens = 0, GeneratedTokens = 4, Repetitions = 2 }, new Direct(heard.Add));

        Assert.Null(result.PromptTokensPerSecond);
        Assert.Equal(2, result.TokensPerSecond!.Samples.Count);
        Assert.Equal(heard[^1].TotalSteps, heard[^1].StepsDone);
        Assert.Equal(3, heard[^1].TotalSteps);
    }

    [Theory]
    [InlineData(-1, 1, 0, 1)]
    [InlineData(1, -1, 0, 1)]
    [InlineData(0, 0, 0, 1)]
    [InlineData(1, 1, -1, 1)]
    [InlineData(1, 1, 0, 0)]
    [InlineData(1, 1, int.MaxValue, 1)]
    public async Task FiguresThatMakeNoSenseAreRefused(int prompt, int generated, int depth, int repetitions)
    {
        SpeedRequest request = await Request() with { PromptTokens = prompt, GeneratedTokens = generated, Depth = depth, Repetitions = repetitions };
        var refused = await Assert.ThrowsAsync<ModelOpsException>(() => SpeedMeter.MeasureAsync(request));
        Assert.Equal(ErrorKind.InvalidArgument, refused.Kind);
        Assert.NotNull(refused.Hint);
    }

    [Fact]
    public async Task CtrlCEndsIt()
    {
        using CancellationTokenSource cancellation = new();
        SpeedRequest request = await Request() with { PromptTokens = 0, GeneratedTokens = 100_000, Repetitions = 1 };
        // In the middle of the warm-up: the first report comes just before it.
        Task measuring = SpeedMeter.MeasureAsync(request, new Direct(_ => cancellation.CancelAfter(20)), cancellation.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => measuring);
    }

    [Fact]
    public void SamplesAreSummedUp()
    {
        SpeedSamples odd = SpeedSamples.Of([3, 1, 2]);
        Assert.Equal((2, 1, 3, 1), (odd.Median, odd.Low, odd.High, odd.Deviation));
        Assert.Equal([3, 1, 2], odd.Samples);
        Assert.Equal(2.5, SpeedSamples.Of([4, 1, 3, 2]).Median);
        Assert.Equal(0, SpeedSamples.Of([7]).Deviation);
    }

    private async Task<SpeedRequest> Request() => new() { ModelPath = await models.Gguf("demo-llama", "Q8_0"), Parameters = new() { GpuLayers = 0 }, Threads = 1, Repetitions = 1 };

    private sealed class Direct(Action<SpeedProgress> hear) : IProgress<SpeedProgress>
    {
        public void Report(SpeedProgress value) => hear(value);
    }
}
