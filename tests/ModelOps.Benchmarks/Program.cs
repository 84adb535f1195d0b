using ModelOps.Benchmarks;
using ModelOps.Benchmarks.Conversion;
using ModelOps.Benchmarks.Fit;
using ModelOps.Benchmarks.Fuzzing;
using ModelOps.Benchmarks.Grammar;
using ModelOps.Benchmarks.Quantization;
using ModelOps.Benchmarks.Serving;
using ModelOps.Benchmarks.Transfer;

// dotnet run -c Release --project tests/ModelOps.Benchmarks -- NAME [OPTION…]
var benchmarks = new Dictionary<string, (string Help, Func<string[], Task> Run)>
{
    ["conversion"] = (ConversionBenchmark.Help, ConversionBenchmark.RunAsync),
    ["files"] = (FilesBenchmark.Help, FilesBenchmark.RunAsync),
    ["fit"] = (FitRateBenchmark.Help, FitRateBenchmark.RunAsync),
    ["fit-accuracy"] = (FitAccuracy.Help, FitAccuracy.RunAsync),
    ["fit-goldens"] = (FitGoldens.Help, FitGoldens.RunAsync),
    ["fit-remote"] = (RemoteFitBenchmark.Help, RemoteFitBenchmark.RunAsync),
    ["fuzz"] = (FuzzBenchmark.Help, FuzzBenchmark.RunAsync),
    ["fuzz-fit"] = (FitFuzzBenchmark.Help, FitFuzzBenchmark.RunAsync),
    ["fuzz-text"] = (TextFuzzBenchmark.Help, TextFuzzBenchmark.RunAsync),
    ["generations"] = (GenerationBenchmark.Help, GenerationBenchmark.RunAsync),
    ["llama-quantize"] = (LlamaQuantizeProcess.Help, LlamaQuantizeProcess.RunAsync),
    ["parity"] = (ParityBenchmark.Help, ParityBenchmark.RunAsync),
    ["quantize"] = (QuantizationBenchmark.Help, QuantizationBenchmark.RunAsync),
    ["run"] = (RunBenchmark.Help, RunBenchmark.RunAsync),
    ["serve"] = (ServeBenchmark.Help, ServeBenchmark.RunAsync),
    ["speed"] = (SpeedBenchmark.Help, SpeedBenchmark.RunAsync),
    ["target"] = (TargetBenchmark.Help, TargetBenchmark.RunAsync),
    ["transfer"] = (TransferBenchmark.Help, TransferBenchmark.RunAsync),
    ["worker"] = (WorkerBenchmark.Help, WorkerBenchmark.RunAsync),
};

if (args.Length == 0 || !benchmarks.TryGetValue(args[0], out var benchmark))
{
    foreach ((string name, (string help, _)) in benchmarks)
        Console.Error.WriteLine($"{name}  {help}");
    return 2;
}
try
{
    await benchmark.Run(args[1..]);
    return 0;
}
catch (BenchmarkException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
