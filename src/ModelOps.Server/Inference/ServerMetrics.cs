using System.Collections.Concurrent;

namespace ModelOps.Server.Inference;

/// <summary>What a server counts of itself.</summary>
internal sealed class ServerMetrics(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, ModelCounts> _models = new(StringComparer.Ordinal);

    /// <summary>When it began to count.</summary>
    public long Started { get; } = time.GetTimestamp();

    /// <summary>Requests by route and status.</summary>
    public ConcurrentDictionary<(string Route, int Status), Counter> Requests { get; } = new();

    /// <summary>Seconds of requests by route, from the first byte of the question to the last of the answer.</summary>
    public ConcurrentDictionary<string, Histogram> Durations { get; } = new(StringComparer.Ordinal);

    /// <summary>Counts of a model.</summary>
    public ModelCounts Of(string model) => _models.GetOrAdd(model, static _ => new ModelCounts());

    public void Finished(string route, int status, TimeSpan took)
    {
        Requests.GetOrAdd((route, status), static _ => new Counter()).Add(1);
        Durations.GetOrAdd(route, static _ => new Histogram()).Observe(took.TotalSeconds);
    }

    public void Waited(string model, TimeSpan time) => Of(model).Waits.Observe(time.TotalSeconds);
    public void FirstToken(string model, TimeSpan time) => Of(model).FirstTokens.Observe(time.TotalSeconds);
    public void Loaded(string model) => Of(model).Loads.Add(1);
    public void Crashed(string model) => Of(model).Crashes.Add(1);

    public void Used(string model, int promptTokens, int generatedTokens)
    {
        Of(model).PromptTokens.Add(promptTokens);
        Of(model).GeneratedTokens.Add(generatedTokens);
    }

    /// <summary>Counts of one model.</summary>
    internal sealed class ModelCounts
    {
        public Counter PromptTokens { get; } = new();
        public Counter GeneratedTokens { get; } = new();
        public Counter Loads { get; } = new();
        public Counter Crashes { get; } = new();
        public Histogram Waits { get; } = new();
        public Histogram FirstTokens { get; } = new();
    }
}

/// <summary>A number that many count up.</summary>
internal sealed class Counter
{
    private long _value;

    public long Value => Interlocked.Read(ref _value);

    public void Add(long number) => Interlocked.Add(ref _value, number);
}

/// <summary>How many observations were at most so large, as Prometheus counts them.</summary>
internal sealed class Histogram
{
    private readonly Lock _lock = new();
    private readonly long[] _counts = new long[Bounds.Count + 1];
    private double _sum;

    /// <summary>Upper bounds in seconds; above them comes infinity.</summary>
    public static IReadOnlyList<double> Bounds { get; } = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

    public void Observe(double value)
    {
        int bucket = 0;
        while (bucket < Bounds.Count && value > Bounds[bucket])
            bucket++;
        lock (_lock)
        {
            _counts[bucket]++;
            _sum += value;
        }
    }

    /// <summary>Counts up to each bound, all of them last, and the sum of all values.</summary>
    public (long[] Cumulative, double Sum) Read()
    {
        lock (_lock)
        {
            long[] cumulative = [.. _counts];
            for (int i = 1; i < cumulative.Length; i++)
                cumulative[i] += cumulative[i - 1];
            return (cumulative, _sum);
        }
    }
}
