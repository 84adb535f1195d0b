using System.Diagnostics;
using ModelOps.Conversion;

namespace ModelOps;

/// <summary>Runs a <see cref="ConversionPlan"/>.</summary>
public static class ModelConverter
{
    /// <summary>
    /// Writes the planned files in one pass: to partial files beside them first, renamed when all are complete, so that nothing unfinished ever
    /// has the final name. What a killed, cancelled or failed run has done is kept, and the same plan goes on with it; a plan that can never be
    /// finished, because its source is not what it was, leaves nothing.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.InvalidArgument"/> when the output
    /// exists, the memory limit is too low for a row, or the same conversion is running.
    /// </exception>
    public static Task<ConversionResult> RunAsync(ConversionPlan plan, IProgress<ConversionProgress>? progress = null, CancellationToken cancellationToken = default)
        => RunAsync(plan, new ConversionDisk(), progress, cancellationToken);

    /// <summary>The same on another disk.</summary>
    internal static Task<ConversionResult> RunAsync(ConversionPlan plan, ConversionDisk disk, IProgress<ConversionProgress>? progress, CancellationToken cancellationToken)
        => Task.Run(() => ConvertAsync(plan, disk, progress, cancellationToken), cancellationToken);

    private static async Task<ConversionResult> ConvertAsync(ConversionPlan plan, ConversionDisk disk, IProgress<ConversionProgress>? progress, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        foreach (var file in plan.Files)
            RequireOutput(plan, file.Path);
        var run = new ConversionRun(plan, progress);
        await run.RunAsync(disk, cancellationToken).ConfigureAwait(false);
        var fidelities = run.Fidelities();
        var all = fidelities.Aggregate(new Fidelity(0), (sum, fidelity) => sum + fidelity);
        List<ConvertedTensor> converted = [.. plan.Tensors.Select((tensor, i) => Converted(tensor, plan.TensorSources![i].Weights, fidelities[i]))];
        return new ConversionResult
        {
            Output = plan.Output,
            Files = [.. plan.Files.Select(file => file.Path)],
            Bytes = plan.Bytes,
            SourceQuantization = plan.SourceQuantization,
            Type = plan.Type,
            Recipe = plan.Recipe,
            Architecture = plan.Architecture,
            Tensors = converted,
            Inputs = run.Inputs,
            ExactFraction = Fraction(converted) ?? 1,
            LatticeExactFraction = Fraction(converted.Where(tensor => tensor.Lattice)),
            LargestError = all.LargestError,
            RmsError = all.RmsError(converted.Sum(tensor => tensor.Weights)),
            RelativeError = all.RelativeError,
            Notes = plan.Notes,
            Seconds = clock.Elapsed.TotalSeconds,
        };
    }

    private static ConvertedTensor Converted(PlannedTensor tensor, long weights, Fidelity fidelity) => new(tensor.Name, tensor.Type, tensor.Bytes, fidelity.ExactWeights, weights, tensor.Lattice)
    {
        LatticeKind = tensor.LatticeKind,
        LargestError = fidelity.LargestError,
        RmsError = fidelity.RmsError(weights),
        RelativeError = fidelity.RelativeError,
    };

    private static double? Fraction(IEnumerable<ConvertedTensor> tensors)
    {
        var (exact, weights) = tensors.Aggregate((Exact: 0L, Weights: 0L), (sum, tensor) => (sum.Exact + tensor.ExactWeights, sum.Weights + tensor.Weights));
        return weights == 0 ? null : (double)exact / weights;
    }

    /// <summary>
    /// A GGUF file, or an empty one that was made to be filled: one slip of the finger must not cost the checkpoint its config.json, nor the
    /// machine its /dev/null.
    /// </summary>
    private static bool IsReplaceable(string output)
    {
        FileInfo file = new(output);
        if (file.LinkTarget is not null)
            return true; // The link is replaced; what it points to stays.
        if (file.Length == 0)
            return file.Extension.Equals(".gguf", StringComparison.OrdinalIgnoreCase);
        try
        {
            using var handle = File.OpenHandle(output);
            Span<byte> magic = stackalloc byte[4];
            return RandomAccess.Read(handle, magic, 0) == magic.Length && magic.SequenceEqual("GGUF"u8);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static void RequireOutput(ConversionPlan plan, string output)
    {
        if (Directory.Exists(output))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{output} is a folder.", "Give the path of the GGUF file to be written.");
        if (!Directory.Exists(Path.GetDirectoryName(output)))
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no folder {Path.GetDirectoryName(output)} to write to.", "Create it first.");
        if (plan.SourceFiles.Contains(output, OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{output} is one of the files that are converted.", "Choose another name for the output.");
        if (!plan.Options.Overwrite && File.Exists(output))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{output} exists already.", "Choose another name, or replace it with --force.");
        if (File.Exists(output) && !IsReplaceable(output))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{output} exists and is not a GGUF file; only those are replaced.", "Choose another name, or remove it first.");
    }
}
