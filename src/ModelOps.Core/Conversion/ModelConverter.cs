using System.Diagnostics;
using ModelOps.Conversion;
using ModelOps.Hardware;

namespace ModelOps;

/// <summary>Runs a <see cref="ConversionPlan"/>.</summary>
public static class ModelConverter
{
    /// <summary>
    /// Writes the planned file in one pass: to a partial file beside the output first, renamed when complete, so that a failed or
    /// cancelled run leaves nothing under the final name.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.InvalidArgument"/> when the output exists.</exception>
    public static Task<ConversionResult> RunAsync(ConversionPlan plan, IProgress<ConversionProgress>? progress = null, CancellationToken cancellationToken = default)
        => RunAsync(plan, DiskSpace.Free, progress, cancellationToken);

    /// <summary>The same with another way to ask for free bytes in a folder.</summary>
    internal static Task<ConversionResult> RunAsync(ConversionPlan plan, Func<string, long?> freeBytes, IProgress<ConversionProgress>? progress, CancellationToken cancellationToken)
        => Task.Run(() => Run(plan, freeBytes, progress, cancellationToken), cancellationToken);

    private static ConversionResult Run(ConversionPlan plan, Func<string, long?> freeBytes, IProgress<ConversionProgress>? progress, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        RequireOutput(plan);
        var layout = plan.Layout();
        if (plan.TensorSources is not { } sources || sources.Count != plan.Tensors.Count || layout.FileBytes != plan.Bytes)
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The plan was not made by ConversionPlan.Create, or was changed since.");
        DiskErrors.Require(Path.GetDirectoryName(plan.Output)!, plan.Bytes, freeBytes(Path.GetDirectoryName(plan.Output)!));

        var converted = new List<ConvertedTensor>(plan.Tensors.Count);
        using (var reader = new CheckpointReader(plan.Weights.Open([.. plan.Tensors.SelectMany(tensor => tensor.Sources)], cancellationToken)))
        using (var file = PartialFile.Create(plan.Output, plan.Bytes))
        {
            var threads = plan.Options.Threads > 0 ? plan.Options.Threads : Environment.ProcessorCount;
            var encoder = new TensorEncoder(reader, file.Handle, threads, cancellationToken);
            try
            {
                for (var i = 0; i < sources.Count; i++)
                {
                    var (tensor, source) = (plan.Tensors[i], sources[i]);
                    cancellationToken.ThrowIfCancellationRequested();
                    var exact = encoder.Encode(tensor, source);
                    converted.Add(new ConvertedTensor(tensor.Name, tensor.Type, tensor.Bytes, exact, source.Weights, tensor.Lattice));
                    var written = i + 1 < sources.Count ? plan.Tensors[i + 1].Offset : plan.Bytes;
                    progress?.Report(new ConversionProgress(tensor.Name, written, plan.Bytes));
                }
                RandomAccess.Write(file.Handle, layout.Header.Span, 0);
                cancellationToken.ThrowIfCancellationRequested();
                file.Commit(plan.Options.Overwrite);
            }
            catch (IOException exception)
            {
                throw DiskErrors.Translate(exception, plan.Output);
            }
        }
        return new ConversionResult
        {
            Output = plan.Output,
            Bytes = plan.Bytes,
            SourceQuantization = plan.SourceQuantization,
            Type = plan.Type,
            Architecture = plan.Architecture,
            Tensors = converted,
            ExactFraction = Fraction(converted) ?? 1,
            LatticeExactFraction = Fraction(converted.Where(tensor => tensor.Lattice)),
            Notes = plan.Notes,
            Seconds = clock.Elapsed.TotalSeconds,
        };
    }

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

    private static void RequireOutput(ConversionPlan plan)
    {
        var output = plan.Output;
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
