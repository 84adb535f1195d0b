using ModelOps.Tests.Fit;

namespace ModelOps.Benchmarks.Fit;

/// <summary>Asks the pinned engine what every shape takes and writes it to <c>tests/assets/golden/fit</c>, which the tests compare the estimate with.</summary>
internal static class FitGoldens
{
    public const string Help = "cpu|gpu|gpu-in-order [MODEL…]: write tests/assets/golden/fit/*.csv anew, with the engine on the CPU, or with one GPU (docs/benchmarks.md says how without one); of these models only, the rest is kept";

    public static Task RunAsync(string[] args)
    {
        if (args.Length == 0 || args[0] is not (FitCells.Cpu or FitCells.Gpu or FitCells.GpuInOrder) || args.Skip(1).FirstOrDefault(name => !SyntheticModels.Names.Contains(name)) is { })
            throw new BenchmarkException(Help);
        var models = args.Length > 1 ? args[1..] : [.. SyntheticModels.Names];
        var path = FitGolden.PathOf(args[0]);
        var kept = models.Length < SyntheticModels.Names.Count && File.Exists(path) ? FitGolden.Read(args[0]).Where(golden => !models.Contains(golden.Cell.Model)).ToList() : [];
        var asked = EngineCells.Ask(models.SelectMany(model => args[0] == FitCells.Cpu ? FitCells.OnCpu(model) : FitCells.OnGpu(model))).ToList();
        if (args[0] != FitCells.Cpu && asked.All(golden => golden.Device == "CPU"))
            throw new BenchmarkException("The engine found no GPU: name its libraries by MODELOPS_LLAMA_DIR.");
        var order = SyntheticModels.Names.Index().ToDictionary(entry => entry.Item, entry => entry.Index, StringComparer.Ordinal);
        File.WriteAllText(path, string.Concat(kept.Concat(asked).OrderBy(golden => order[golden.Cell.Model]).Select(golden => golden.ToString()).Prepend(FitGolden.Header).Select(line => line + '\n')));
        Console.WriteLine($"{path}: {kept.Count + asked.Count} lines");
        return Task.CompletedTask;
    }
}
