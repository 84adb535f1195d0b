using System.Diagnostics;
using ModelOps.Export;

namespace ModelOps;

/// <summary>Runs an <see cref="ExportPlan"/>.</summary>
public static class ModelExporter
{
    /// <summary>
    /// Writes the planned folder in one pass: beside its final place first, renamed when all is complete, so that nothing unfinished ever has
    /// the final name. A run that is cancelled or fails leaves nothing.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.UnsupportedType"/> when the type of
    /// numbers is too small for a weight, <see cref="ErrorKind.InvalidArgument"/> when the output exists or the same export is running.
    /// </exception>
    public static Task<ExportResult> RunAsync(ExportPlan plan, IProgress<ExportProgress>? progress = null, CancellationToken cancellationToken = default)
        => Task.Run(() => ExportAsync(plan, progress, cancellationToken), cancellationToken);

    private static async Task<ExportResult> ExportAsync(ExportPlan plan, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        OutputFolder.Require(plan.Output, [plan.Source, plan.Options.BaseModel ?? plan.Source], plan.Options.Overwrite);
        var run = new ExportRun(plan, progress);
        var fidelity = await run.RunAsync(cancellationToken).ConfigureAwait(false);
        var items = plan.Work!.Items;
        List<ExportedTensor> tensors =
        [
            .. plan.Tensors.Select((tensor, i) => new ExportedTensor(
                tensor.Name, tensor.Treatment, tensor.Scheme, tensor.Bytes, items[i].Weights, fidelity[i].ExactWeights, fidelity[i].LargestError, fidelity[i].RmsError(items[i].Weights), fidelity[i].RelativeError)),
        ];
        var all = fidelity.Aggregate((sum, next) => sum + next);
        return new ExportResult
        {
            Output = plan.Output,
            Format = plan.Format,
            Architecture = plan.Architecture,
            SourceQuantization = plan.SourceQuantization,
            NumberType = plan.NumberType,
            Bytes = plan.Bytes,
            Files = [.. plan.Files.Select(file => file.Name)],
            Tensors = tensors,
            ExactFraction = Fraction(tensors) ?? 1,
            LatticeExactFraction = Fraction(tensors.Where(tensor => tensor.Treatment == ExportTreatment.Lattice)),
            LargestError = all.LargestError,
            RmsError = all.RmsError(tensors.Sum(tensor => tensor.Weights)),
            RelativeError = all.RelativeError,
            Warnings = plan.Warnings,
            Notes = plan.Notes,
            Seconds = clock.Elapsed.TotalSeconds,
        };
    }

    private static double? Fraction(IEnumerable<ExportedTensor> tensors)
    {
        var (exact, weights) = tensors.Aggregate((Exact: 0L, Weights: 0L), (sum, tensor) => (sum.Exact + tensor.ExactWeights, sum.Weights + tensor.Weights));
        return weights == 0 ? null : (double)exact / weights;
    }
}
