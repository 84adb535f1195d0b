using System.Diagnostics;
using System.Globalization;

namespace ModelOps.Benchmarks;

/// <summary>What a process took.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Seconds">From its start to its end.</param>
/// <param name="ProcessorSeconds">Processor time, user and system, of the process and those it started.</param>
/// <param name="PeakBytes">Most memory that was resident (VmHWM).</param>
/// <param name="Output">What it wrote to standard output.</param>
/// <param name="Error">What it wrote to standard error.</param>
internal sealed record Measured(int ExitCode, double Seconds, double ProcessorSeconds, long PeakBytes, string Output, string Error)
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(20);

    public static async Task<Measured> RunAsync(ProcessStartInfo start, Action<Process>? started = null)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        double processor = ChildProcesses.ProcessorSeconds;
        long begin = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start) ?? throw new BenchmarkException($"{start.FileName} did not start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        started?.Invoke(process);
        Task end = process.WaitForExitAsync();
        long peak = 0;
        while (!end.IsCompleted)
        {
            // The mark only rises, so that the last look before the end misses at most its last milliseconds.
            peak = Math.Max(peak, HighWater(process.Id));
            await Task.WhenAny(end, Task.Delay(Often));
        }
        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        return new Measured(process.ExitCode, seconds, ChildProcesses.ProcessorSeconds - processor, peak, await output, await error);
    }

    /// <summary>The result, or an exception when the process failed.</summary>
    public Measured Good() => ExitCode == 0 ? this : throw new BenchmarkException($"A process ended with {ExitCode}: {Error}{Output}");

    private static long HighWater(int process)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            // It has just ended.
            return 0;
        }
    }
}
