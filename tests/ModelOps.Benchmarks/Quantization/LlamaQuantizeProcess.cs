using System.Diagnostics;
using System.Globalization;
using ModelOps.Quantization;
using ModelOps.Tests.Quantization;

namespace ModelOps.Benchmarks.Quantization;

/// <summary>llama_model_quantize of the pinned libllama in a process of its own, as it ends the process where it fails, and its log goes to standard error.</summary>
internal static class LlamaQuantizeProcess
{
    public const string Help = "SOURCE DESTINATION TYPE THREADS [IMATRIX]: llama_model_quantize; prints the seconds of the call";

    /// <summary>The command itself.</summary>
    public static Task RunAsync(string[] args)
    {
        if (args.Length is < 4 or > 5)
            throw new BenchmarkException(Help);
        var (importance, metadata) = (new Dictionary<string, float[]>(), new List<(string, object)>());
        if (args.Length == 5)
        {
            var matrix = ImportanceMatrix.Read(args[4]);
            importance = matrix.Entries.ToDictionary();
            metadata =
            [
                ("quantize.imatrix.file", Path.GetFileName(args[4])), ("quantize.imatrix.dataset", matrix.Dataset!),
                ("quantize.imatrix.entries_count", importance.Count), ("quantize.imatrix.chunks_count", (int)matrix.Chunks),
            ];
        }
        var begin = Stopwatch.GetTimestamp();
        LlamaQuantize.Run(args[0], args[1], Recipe.Parse(args[2]), int.Parse(args[3], CultureInfo.InvariantCulture), importance, [.. metadata]);
        Console.WriteLine(Stopwatch.GetElapsedTime(begin).TotalSeconds.ToString("R", CultureInfo.InvariantCulture));
        return Task.CompletedTask;
    }

    /// <summary>Runs it.</summary>
    /// <returns>Seconds of the call alone, without the process's start, and of the processors.</returns>
    public static async Task<(double Seconds, double ProcessorSeconds)> MeasureAsync(string source, string destination, string recipe, int threads, string? importance)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(destination)!);
        string[] arguments = ["llama-quantize", source, destination, recipe, threads.ToString(CultureInfo.InvariantCulture), .. importance is null ? Array.Empty<string>() : [importance]];
        var measured = (await Measured.RunAsync(new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [typeof(LlamaQuantizeProcess).Assembly.Location, .. arguments]))).Good();
        return (double.Parse(measured.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1], CultureInfo.InvariantCulture), measured.ProcessorSeconds);
    }
}
