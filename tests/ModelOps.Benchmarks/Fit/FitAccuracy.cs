using System.Globalization;
using ModelOps.Tests.Fit;

namespace ModelOps.Benchmarks.Fit;

/// <summary>How far the estimate is from the engine's figures, shape by shape.</summary>
internal static class FitAccuracy
{
    public const string Help = "[cpu|gpu|gpu-in-order]: how far the estimate is from the engine's own figures (tests/assets/golden/fit), by shape";

    public static Task RunAsync(string[] args)
    {
        var golden = args.Length == 0 ? FitCells.Cpu : args is [FitCells.Cpu or FitCells.Gpu or FitCells.GpuInOrder] ? args[0] : throw new BenchmarkException(Help);
        var errors = SyntheticModels.Names.SelectMany(name => Of(name, golden)).ToList();
        var table = new Table("Estimate and engine", "shape", "cells", "KV, MiB", "state, MiB", "compute, mean", "compute, worst", "total, mean", "total, worst");
        foreach (var shape in errors.GroupBy(error => error.Golden.Cell.Model))
            Row(shape.Key, [.. shape]);
        Row("all", errors);
        return Task.CompletedTask;

        void Row(string name, IReadOnlyList<FitError> of) => table.Row(
            name, of.Count.ToString(CultureInfo.InvariantCulture), Worst(of, error => error.KvCache).ToString("0.000", CultureInfo.InvariantCulture), Worst(of, error => error.State).ToString("0.000", CultureInfo.InvariantCulture),
            Percent(of.Average(error => Math.Abs(error.Compute))), Percent(Worst(of, error => error.Compute)), Percent(of.Average(error => Math.Abs(error.Total))), Percent(Worst(of, error => error.Total)));
    }

    private static IEnumerable<FitError> Of(string model, string golden)
    {
        var shape = SyntheticModels.Shape(model);
        return FitGolden.Read(golden).Where(entry => entry.Cell.Model == model).Select(entry => FitError.Of(entry, shape, golden == FitCells.GpuInOrder ? FitError.InOrder : null));
    }

    // With its sign: a minus means that the estimate is too low.
    private static double Worst(IEnumerable<FitError> errors, Func<FitError, double> part) => errors.Select(part).MaxBy(Math.Abs);

    private static string Percent(double share) => (100 * share).ToString("0.00", CultureInfo.InvariantCulture) + " %";
}
