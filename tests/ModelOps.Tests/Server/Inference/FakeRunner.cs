using Xunit;

namespace ModelOps.Tests.Server.Inference;

/// <summary>A model that says what a test wants, when it wants it.</summary>
internal sealed class FakeRunner(FakeEngine engine) : IModelRunner
{
    private string? _path;

    public Task LoadAsync(EngineOptions options, IProgress<float>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public async Task<EnginePlan> LoadAsync(EngineOptions options, FitRequest wish, IProgress<float>? progress = null, CancellationToken cancellationToken = default)
    {
        await engine.Loading(options.ModelPath);
        _path = options.ModelPath;
        lock (engine.Loaded)
            engine.Loaded.Add(_path);
        lock (engine.Loads)
            engine.Loads.Add(_path);
        return new EnginePlan(new EngineParameters { ContextLength = 4096, Sequences = wish.Sequences }, null);
    }

    public async Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default)
    {
        Assert.NotNull(_path);
        engine.Enter();
        try
        {
            return await engine.Answer(request, progress, cancellationToken);
        }
        finally
        {
            engine.Leave();
        }
    }

    public ValueTask DisposeAsync()
    {
        lock (engine.Loaded)
            engine.Loaded.Remove(_path ?? "");
        return ValueTask.CompletedTask;
    }

    /// <summary>The vector that a text has: of four numbers and length 1.</summary>
    public static float[] Vector(string text)
    {
        double[] numbers = [text.Length, 1, text[0], 0.5];
        double length = Math.Sqrt(numbers.Sum(number => number * number));
        return [.. numbers.Select(number => (float)(number / length))];
    }

    public Task<EmbeddingResult> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken = default)
        => Task.FromResult(new EmbeddingResult([.. request.Texts.Select(Vector)], request.Texts.Sum(text => text.Length)));

    /// <summary>Longer documents are better.</summary>
    public Task<RerankResult> RerankAsync(RerankRequest request, CancellationToken cancellationToken = default)
        => Task.FromResult(new RerankResult([.. request.Documents.Select(text => (double)text.Length)], request.Documents.Sum(text => text.Length)));

    public Task<EngineMemory> ProbeMemoryAsync(EngineOptions options, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<QualityResult> MeasureAsync(MeasureRequest request, IProgress<MeasureProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<SensitivityTable> MeasureSensitivityAsync(SensitivityRequest request, IProgress<SensitivityProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<IReadOnlyList<Device>> ReadDevicesAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<RuntimeProbe> ProbeRuntimeAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<SpeedResult> MeasureSpeedAsync(SpeedRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<SpeedCalibration> CalibrateAsync(CalibrationRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}

/// <summary>What all fake runners of a server share.</summary>
internal sealed class FakeEngine
{
    private int _running;
    private int _mostRunning;

    /// <summary>Paths of models that are loaded now.</summary>
    public List<string> Loaded { get; } = [];

    /// <summary>Paths in the order of their loading.</summary>
    public List<string> Loads { get; } = [];

    /// <summary>Calls under way.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Most calls at once that were seen.</summary>
    public int MostRunning => Volatile.Read(ref _mostRunning);

    /// <summary>What loading does.</summary>
    public Func<string, Task> Loading { get; set; } = _ => Task.CompletedTask;

    /// <summary>What answers.</summary>
    public Func<GenerationRequest, IProgress<GeneratedToken>?, CancellationToken, Task<GenerationResult>> Answer { get; set; } = (request, progress, _) => Task.FromResult(Say(request, progress, "Hello", " there"));

    public void Enter()
    {
        int now = Interlocked.Increment(ref _running);
        InterlockedMax(ref _mostRunning, now);
    }

    public void Leave() => Interlocked.Decrement(ref _running);

    /// <summary>Says pieces, one a token.</summary>
    public static GenerationResult Say(GenerationRequest request, IProgress<GeneratedToken>? progress, params string[] pieces)
    {
        for (int i = 0; i < pieces.Length; i++)
            progress?.Report(new GeneratedToken(i, pieces[i]));
        return new GenerationResult(string.Concat(pieces), [.. Enumerable.Range(0, pieces.Length)], (request.Messages?.Sum(message => message.Content.Length) ?? request.Prompt.Length) + 1, 100, 10, FinishReason.Stop);
    }

    private static void InterlockedMax(ref int target, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref target)) < value && Interlocked.CompareExchange(ref target, value, seen) != seen)
        {
        }
    }
}
