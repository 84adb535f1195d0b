namespace ModelOps.Benchmarks;

/// <summary>A benchmark that cannot run, or whose result is wrong.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
